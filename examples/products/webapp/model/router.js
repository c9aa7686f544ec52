// What this page asks of the router by itself: the user, and the application's API with the router's CSRF token.
sap.ui.define([], function () {
	"use strict";

	let csrfToken = null;

	class RequestFailed extends Error {
		constructor(status, body) {
			super("status " + status);
			this.status = status;
			this.body = body;
		}
	}

	async function answerOf(response) {
		if (response.ok) {
			return response.status === 204 ? null : response.json();
		}
		throw new RequestFailed(response.status, await response.text());
	}

	function send(path, options) {
		// The router starts a login only for pages: a script is told 401, and can say so without losing its state.
		const headers = Object.assign({ "X-Requested-With": "XMLHttpRequest", Accept: "application/json" }, options.headers);
		return fetch(path, Object.assign({ credentials: "same-origin" }, options, { headers }));
	}

	async function fetchCsrfToken() {
		const response = await send("api/me", { headers: { "X-CSRF-Token": "Fetch" } });
		await answerOf(response);
		csrfToken = response.headers.get("x-csrf-token");
	}

	function sendWithToken(path, options) {
		return send(path, Object.assign({}, options, {
			headers: Object.assign({ "X-CSRF-Token": csrfToken || "" }, options.headers)
		}));
	}

	async function write(path, options) {
		if (!csrfToken) {
			await fetchCsrfToken();
		}
		let response = await sendWithToken(path, options);
		if (response.status === 403 && (response.headers.get("x-csrf-token") || "").toLowerCase() === "required") {
			await fetchCsrfToken(); // a new session has a new token
			response = await sendWithToken(path, options);
		}
		return answerOf(response);
	}

	return {
		RequestFailed,

		async currentUser() {
			return answerOf(await send("user-api/currentUser", {}));
		},

		changePrice(productId, price, etag) {
			return write("api/products/" + encodeURIComponent(productId) + "/price", {
				method: "PATCH",
				headers: { "Content-Type": "application/json", "If-Match": etag },
				body: JSON.stringify({ price })
			});
		}
	};
});
