// Package baileys proves the simulator with Baileys, a WhatsApp client for
// Node that was written independently of whatsmeow. What both clients take for
// WhatsApp is likelier to be WhatsApp than what pleases one of them.
//
// The package has no Go code but its test, which starts a simulator for each
// file in test/ and lets Node run it. Baileys comes from the npm registry in
// the versions of package-lock.json:
//
//	npm ci
//	go test roost/simulator/baileys
//
// or .ci/baileys from the top, which does both. Without Node or without the
// installed packages the test is skipped, unless BAILEYS=1 is set.
//
// The tests in test/ drive a running simulator over its control API, so they
// also run by themselves against one in another process:
//
//	SIMULATOR_URL=http://127.0.0.1:8090 npm test
//
// That simulator must not have the knob refreshAfterScan on: Baileys
// 7.0.0-rc14 does not know the notification companion_reg_refresh.
// BAILEYS_LOG=trace shows what Baileys sends and receives.
//
// Baileys is not patched but for one thing that makes it stricter: it ignores
// whether signatures are right, and lib/strict.js makes wrong ones an error.
package baileys
