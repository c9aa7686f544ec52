sap.ui.define(["sap/ui/core/UIComponent", "sap/ui/core/IconPool"], function (UIComponent) {
	"use strict";

	return UIComponent.extend("entryway.products.Component", {
		metadata: {
			interfaces: ["sap.ui.core.IAsyncContentCreation"],
			manifest: "json"
		}
	});
});
