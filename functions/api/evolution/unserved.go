package evolution

import (
	"net/http"
	"slices"
	"strings"
)

// unserved are the routes of Evolution 2.3.7 (and some of 2.4) under an
// instance that this server knows and does not serve: method and first part of
// the path, then the second parts in lower case.
var unserved = map[string]string{
	"POST message":    "sendcarousel",
	"POST chat":       "getpollvote findchannels",
	"POST business":   "getcatalog getcollections",
	"POST template":   "create edit",
	"GET template":    "find",
	"DELETE template": "delete",
	"POST s3":         "getmedia getmediaurl",
	"POST baileys": "onwhatsapp profilepictureurl assertsessions createparticipantnodes getusyncdevices generatemessagetag sendnode " +
		"signalrepositorydecryptmessage getauthstate",
	"POST chatwoot": "set",
	"GET chatwoot":  "find",
}

// sinks are the other ways in which Evolution tells events; each has the routes
// set and find.
var sinks = []string{"websocket", "rabbitmq", "nats", "sqs", "kafka", "pusher"}

// bots are Evolution's chat bots.
var bots = []string{"typebot", "openai", "dify", "flowise", "n8n", "evoai", "evolutionbot"}

func notServed(method, first, second string) bool {
	switch {
	case slices.Contains(sinks, first):
		return method == http.MethodPost && second == "set" || method == http.MethodGet && second == "find"
	case slices.Contains(bots, first):
		return slices.Contains([]string{"create", "find", "settings", "fetchsettings", "changestatus", "ignorejid", "start", "creds"}, second)
	default:
		return slices.Contains(strings.Fields(unserved[method+" "+first]), second)
	}
}

func (h *Handler) refuseUnserved(r *request) (answer, error) {
	path := r.URL.Path
	if cut := strings.LastIndex(strings.TrimSuffix(path, "/"), "/"); cut > 0 {
		path = path[:cut]
	}
	return answer{}, refuse("This server does not serve " + r.Method + " " + path + " yet")
}
