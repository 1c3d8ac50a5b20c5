package world

import (
	"context"

	"roost/simulator/linking"
)

// Enrol links a client to the phone of an instance, which is made if it is new:
// see simulator.User.Enrol.
func Enrol(ctx context.Context, url, number, name string, e linking.Enrolment) (linking.Enrolled, error) {
	if _, err := post[map[string]any](ctx, url+"/simulator/phones", map[string]string{"number": number, "name": name}); err != nil {
		return linking.Enrolled{}, err
	}
	return post[linking.Enrolled](ctx, url+"/simulator/phones/"+number+"/enrol", e)
}
