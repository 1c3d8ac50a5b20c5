package simulator

import (
	"encoding/json"
	"strconv"

	"roost/simulator/wire"
)

// Queries of clients by their number: whatsmeow newsletter.go and user.go,
// Baileys Types/Mex.ts.
const (
	mexSubscribed        = "6388546374527196"
	mexSubscribedDesktop = "8621797084555037"
	mexSetAbout          = "9152604461510864"
	mexReachOutLock      = "23983697327930364"
	mexNewChatCap        = "24503548349331633"
)

// mex answers a GraphQL query. There are no channels here, so those who ask
// for one learn that it does not exist.
func (st *stream) mex(n *wire.Node) {
	query := child(n, "query")
	id := textAttr(&query, "query_id")
	u := st.device.Load().user
	var answer []byte
	switch id {
	case mexSubscribed, mexSubscribedDesktop:
		answer = mexData("xwa2_newsletter_subscribed", []any{})
	case mexReachOutLock:
		answer = mexData("xwa2_fetch_account_reachout_timelock", u.reachOutLock())
	case mexNewChatCap:
		answer = mexData("xwa2_message_capping_info", map[string]any{
			"total_quota": -1, "used_quota": 0, "capping_status": "NONE", "ote_status": "NOT_ELIGIBLE", "mv_status": "NOT_ELIGIBLE",
			"server_sent_timestamp": now(),
		})
	case mexSetAbout:
		answer = u.setAboutByMex(payload(query))
	default:
		answer = mexError(404, "Not Found")
	}
	st.result(n, wire.Node{Tag: "result", Content: answer})
}

func (u *User) setAboutByMex(query []byte) []byte {
	var request struct {
		Variables struct {
			Input struct {
				Text *string `json:"text"`
			} `json:"input"`
		} `json:"variables"`
	}
	if json.Unmarshal(query, &request) != nil {
		return mexError(400, "Bad Request")
	}
	if text := request.Variables.Input.Text; text != nil {
		u.SetAbout(*text)
	}
	return mexData("xwa2_update_text_status", map[string]any{"result": "SUCCESS"})
}

func mexData(name string, value any) []byte {
	return mustJSON(map[string]any{"data": map[string]any{name: value}})
}

// mexError is an error in the form of whatsmeow's types.GraphQLError.
func mexError(code int, message string) []byte {
	return mustJSON(map[string]any{"data": nil, "errors": []any{map[string]any{
		"message": message,
		"path":    []string{},
		"extensions": map[string]any{
			"error_code": code, "is_retryable": false, "severity": "CRITICAL", "api_error_code": strconv.Itoa(code),
		},
	}}})
}

func mustJSON(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("simulator: " + err.Error()) // only maps and strings come here
	}
	return out
}
