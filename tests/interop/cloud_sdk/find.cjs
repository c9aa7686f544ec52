// Prints what the library makes of each destination: one JSON line for each [name, options] in the argument.
const { getDestination } = require('@sap-cloud-sdk/connectivity');

(async () => {
  for (const [destinationName, options] of JSON.parse(process.argv[2])) {
    let line;
    try {
      line = { found: await getDestination({ destinationName, useCache: false, ...options }) };
    } catch (error) {
      line = { error: error.message };
    }
    console.log(JSON.stringify(line));
  }
})();
