// Which words a failed request deserves. Decides only: no controls in here.
sap.ui.define([], function () {
	"use strict";

	/** Return the sentence that an error body carries, whichever part of the landscape wrote it. */
	function sentenceOf(body) {
		let parsed;
		try {
			parsed = JSON.parse(body);
		} catch (notJson) {
			return "";
		}
		const error = parsed.error || {};
		const message = error.message && error.message.value || error.message;
		return [message, parsed.detail, parsed.title].find((text) => typeof text === "string" && text) || "";
	}

	/** Return {title, text, action}: names of texts in i18n. */
	function wordsFor(status, writing) {
		switch (status) {
			case 401: return { title: "sessionEndedTitle", text: "sessionEnded", action: "logInAgain" };
			case 403: return { title: "refusedTitle", text: writing ? "refused" : "refusedToLook" };
			case 412: return { title: "changedMeanwhileTitle", text: "changedMeanwhile" };
			case 502:
			case 504: return { title: "brokenTitle", text: "broken", action: "tryAgain" };
			case 503: return { title: "unreachableTitle", text: "unreachable", action: "tryAgain" };
			default: return { title: "failedTitle", text: "failed" };
		}
	}

	return { sentenceOf, wordsFor };
});
