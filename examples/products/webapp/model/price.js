// A price as people type it, in their own language's notation.
sap.ui.define(["sap/ui/model/odata/type/Decimal"], function (DecimalType) {
	"use strict";

	const type = new DecimalType(
		{ minFractionDigits: 2, groupingEnabled: false },
		{ precision: 8, scale: 2, minimum: "0.01", maximum: "999999.99" }
	);

	return {
		format(price) {
			return type.formatValue(price, "string");
		},

		/** Return the price as the decimal text that goes over the wire, or null if it is none. */
		parse(text) {
			try {
				const price = type.parseValue(text.trim(), "string");
				type.validateValue(price);
				return price;
			} catch (notAPrice) {
				return null;
			}
		}
	};
});
