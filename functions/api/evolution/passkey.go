package evolution

import (
	"encoding/json"
	"net/http"

	"roost/shared/instance"
)

// passkeyView is the WebAuthn step of a pairing.
type passkeyView struct {
	Request json.RawMessage `json:"request"` // PublicKeyCredentialRequestOptions
	Code    *string         `json:"code"`    // to compare with the phone, null until WhatsApp has accepted the answer
	Skip    bool            `json:"skip"`    // the comparison may be skipped
}

func viewPasskey(p *instance.Passkey) passkeyView {
	v := passkeyView{Request: json.RawMessage("null"), Code: optional(p.Code), Skip: p.Skip}
	if json.Valid(p.Request) {
		v.Request = p.Request
	}
	return v
}

func (h *Handler) showPasskey(r *request) (answer, error) {
	p, err := h.core.Passkey(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	return ok(viewPasskey(p))
}

// answerPasskey takes {"response": AuthenticationResponse} or {"confirm": true}.
func (h *Handler) answerPasskey(r *request) (answer, error) {
	fields := r.body.object()
	response, answered := fields["response"].(map[string]any)
	var err error
	switch {
	case answered:
		err = h.core.AnswerPasskey(r.Context(), r.instance, encode(response))
	case fields["confirm"] == true:
		err = h.core.ConfirmPasskey(r.Context(), r.instance)
	default:
		err = refuse(`The body needs "response", the authenticator's answer, or "confirm": true`)
	}
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, value: doneAnswer{Status: "SUCCESS", Response: doneMessage{"Passkey accepted"}}}, nil
}
