// Package cloud runs the whole system as it runs on AWS, on this machine: its
// tests build the four functions and the session host, start each function
// under the Lambda Runtime Interface Emulator and the host as a process, and
// play AWS around them: a gateway turns requests into events, event sources move
// messages from queues to functions. Table, queues, bucket and key are emulators
// that others wrote, WhatsApp is the simulator.
//
//	.ci/cloud               everything, with the emulators
//	.ci/cloud -run TestHost further flags go to go test
//
// Without ROOST_EMULATORS=1 and ROOST_RIE (the emulator's path), which .ci/cloud
// sets, the tests say so and are skipped.
package cloud
