package simulator_test

import (
	"encoding/json"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator"
)

// answerPasskey lets the person's authenticator answer a request as a browser
// would.
func answerPasskey(u *simulator.User, request *types.WebAuthnPublicKey) (*types.WebAuthnResponse, error) {
	in, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	out, err := u.AnswerPasskey(in)
	if err != nil {
		return nil, err
	}
	response := &types.WebAuthnResponse{}
	return response, json.Unmarshal(out, response)
}
