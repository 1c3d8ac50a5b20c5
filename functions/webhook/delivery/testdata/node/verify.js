// Reads calls as JSON, one a line, and says of each whether it verifies:
// {"secret":"whsec_...","headers":{...},"body":"..."} -> "ok", or why not.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("ok");
  } catch (error) {
    console.log(`${error.name}: ${error.message}`);
  }
}
