// Package companion is unmodified whatsmeow clients, wired to a simulator, for
// tests and load.
//
//	client := companion.New(sim.HTTPClient(server.URL))
//	defer client.Close()
//	err := client.Pair(ctx, func(ctx context.Context, qr string) error {
//		_, err := phone.Scan(ctx, qr)
//		return err
//	})
//	msg, err := companion.Await[*events.Message](ctx, client)
//
// [Client] adds to a whatsmeow client what a test wants from it: it scans its
// own QR code, remembers every event and waits for one without sleeping.
//
// [Store] is everything a client keeps, in memory: the reference for what a
// store must do, held against whatsmeow's own sqlstore by a differential test.
// It can be slow, fail before or after an effect, count calls ([Hooks]) and be
// cloned, which is how a test makes a process die: [Store.Clone], then a new
// [Client] with [WithStore].
//
// This is the only package below simulator/ that may import whatsmeow itself;
// the simulator must not agree with a client because both run the same code.
package companion
