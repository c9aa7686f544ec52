sap.ui.define([
	"sap/ui/core/mvc/Controller",
	"sap/ui/core/format/DateFormat",
	"sap/ui/model/Filter",
	"sap/ui/model/FilterOperator",
	"sap/ui/model/json/JSONModel",
	"sap/ui/model/type/Currency",
	"sap/m/MessageBox",
	"sap/m/MessageToast",
	"entryway/products/model/router",
	"entryway/products/model/failures",
	"entryway/products/model/price"
], function (
	Controller, DateFormat, Filter, FilterOperator, JSONModel, CurrencyType, MessageBox, MessageToast,
	router, failures, price
) {
	"use strict";

	return Controller.extend("entryway.products.controller.Products", {
		onInit() {
			this.session = new JSONModel({ user: {}, identity: null, identityText: "", countText: "" });
			this.getView().setModel(this.session, "session");
			this.getOwnerComponent().getModel().attachRequestFailed(this.onReadFailed, this);
			// The model reads its metadata before this view exists: a promise tells of a failure that lies in the past.
			this.getOwnerComponent().getModel().metadataLoaded(true).catch((failed) => this.onRefused(failed));
			this.start();
		},

		async start() {
			this.texts = await this.getOwnerComponent().getModel("i18n").getResourceBundle();
			this.forgetIdentity();
			this.readIdentity();
			try {
				this.showUser(await router.currentUser());
			} catch (error) {
				this.explain(error.status, error.body, false);
			}
		},

		showUser(user) {
			const initials = ((user.firstname || "").charAt(0) + (user.lastname || "").charAt(0)).toUpperCase();
			const permissions = (user.scopes || [])
				.filter((scope) => /\.(Display|Edit)$/.test(scope))
				.map((scope) => scope.slice(scope.lastIndexOf(".") + 1));
			this.session.setProperty("/user", {
				displayName: [user.firstname, user.lastname].filter(Boolean).join(" ") || user.name,
				email: user.email,
				initials: initials,
				permissions: permissions.sort().join(", ")
			});
		},

		/** Show nothing that the on-premise system has not just said. */
		forgetIdentity() {
			this.answered = false;
			this.session.setProperty("/identity", null);
			this.session.setProperty("/identityText", this.texts ? this.texts.getText("identityUnknown") : "");
			this.session.setProperty("/countText", this.texts ? this.texts.getText("appTitle") : "");
		},

		readIdentity() {
			this.getOwnerComponent().getModel().read("/WhoAmISet", {
				success: (answer) => {
					const identity = answer.results[0];
					const until = DateFormat.getDateTimeInstance({ style: "medium" }).format(identity.NotAfter);
					this.answered = true;
					this.onProductsChanged();
					this.session.setProperty("/identity", identity);
					this.session.setProperty("/identityText", this.texts.getText(
						"identity", [identity.User, identity.Subject, identity.Issuer, until]
					));
				}
			});
		},

		onProductsChanged() {
			const binding = this.byId("table").getBinding("items");
			if (this.answered && binding.isLengthFinal()) {
				this.session.setProperty("/countText", this.texts.getText("productCount", [binding.getLength()]));
			}
		},

		onSearch(event) {
			const wanted = event.getParameter("query").trim();
			const contains = (path) => new Filter({
				path, operator: FilterOperator.Contains, value1: wanted, caseSensitive: false
			});
			const filters = wanted ? [new Filter({ filters: ["Name", "Category", "ProductID"].map(contains), and: false })] : [];
			this.byId("table").getBinding("items").filter(filters);
		},

		onRefresh() {
			const model = this.getOwnerComponent().getModel();
			if (model.isMetadataLoadingFailed()) {
				window.location.reload();
				return;
			}
			this.byId("table").getBinding("items").refresh(true);
			this.readIdentity();
		},

		async onUserMenu(event) {
			const button = event.getSource();
			this.userMenu ??= this.loadFragment({ name: "entryway.products.view.UserMenu" });
			(await this.userMenu).openBy(button);
		},

		onLogOut() {
			window.location.assign("do/logout");
		},

		async onEditPrice(event) {
			const product = event.getSource().getBindingContext().getObject();
			this.edit ??= new JSONModel();
			this.edit.setData({
				id: product.ProductID,
				name: product.Name,
				etag: product.__metadata.etag,
				text: price.format(product.Price),
				currency: product.CurrencyCode,
				title: this.texts.getText("priceOf", [product.Name]),
				label: this.texts.getText("newPrice", [product.CurrencyCode])
			});
			this.editDialog ??= this.loadFragment({ name: "entryway.products.view.EditPrice" });
			const dialog = await this.editDialog;
			dialog.setModel(this.edit, "edit");
			this.byId("newPrice").setValueState("None");
			dialog.open();
		},

		async onCancelPrice() {
			(await this.editDialog).close();
		},

		async onSavePrice() {
			const input = this.byId("newPrice");
			const { id, name, text, currency, etag } = this.edit.getData();
			const newPrice = price.parse(text);
			if (newPrice === null) {
				input.setValueState("Error").setValueStateText(this.texts.getText("priceInvalid")).focus();
				return;
			}
			const dialog = await this.editDialog;
			dialog.setBusyIndicatorDelay(0).setBusy(true);
			try {
				const changed = await router.changePrice(id, newPrice, etag);
				dialog.close();
				this.byId("table").getBinding("items").refresh(true);
				const shown = new CurrencyType().formatValue([changed.price, currency], "string");
				MessageToast.show(this.texts.getText("priceSaved", [name, shown]));
			} catch (error) {
				dialog.close();
				this.explain(error.status, error.body, true);
			} finally {
				dialog.setBusy(false);
			}
		},

		onReadFailed(event) {
			this.onRefused(event.getParameters());
		},

		onRefused(failed) {
			const response = failed.response || failed;
			this.forgetIdentity();
			this.explain(Number(response.statusCode), response.responseText || response.body, false);
		},

		/** Say once what went wrong: one lost connection fails several requests. */
		async explain(status, body, writing) {
			if (this.explaining) {
				return;
			}
			this.explaining = true;
			this.texts ??= await this.getOwnerComponent().getModel("i18n").getResourceBundle();
			const words = failures.wordsFor(status, writing);
			const said = failures.sentenceOf(body || "");
			const action = words.action && this.texts.getText(words.action);
			const close = this.texts.getText("close");
			if (status === 412) {
				this.onRefresh();
			}
			MessageBox.error(this.texts.getText(words.text, [status]), {
				title: this.texts.getText(words.title),
				details: said && this.texts.getText("details", [said]),
				actions: [action, close].filter(Boolean),
				emphasizedAction: action || close,
				onClose: (chosen) => {
					this.explaining = false;
					if (chosen === action && status === 401) {
						window.location.reload();
					} else if (chosen === action && !writing) {
						this.onRefresh();
					}
				}
			});
		}
	});
});
