package evolution

import (
	"slices"
	"strings"
)

// sinks are Evolution's other ways to tell events. None is ever set here, so
// that find answers null as it does there, and set says what to use instead.
var sinks = []string{"websocket", "rabbitmq", "nats", "sqs", "kafka", "pusher"}

// bots are Evolution's chat bots.
var bots = []string{"typebot", "openai", "dify", "flowise", "n8n", "evoai", "evolutionbot"}

// botRoutes are the routes of each bot, in the form of routes without the first
// part of the path; the id of a bot stands before the instance's name.
var botRoutes = []string{
	"POST create/:i", "GET find/:i", "GET fetch/:id/:i", "PUT update/:id/:i", "DELETE delete/:id/:i", "POST settings/:i", "GET fetchsettings/:i",
	"POST changestatus/:i", "GET fetchsessions/:id/:i", "POST ignorejid/:i",
}

const (
	noChatwoot = "Chatwoot is not built into this server: connect it by a program of its own, which receives messages by webhook " +
		"(POST /webhook/set) and answers them by POST /message/sendText"
	noCatalog  = "This server sends and receives messages; it does not read the catalogues of businesses"
	noTemplate = "Message templates belong to WhatsApp's cloud API; the instances of this server are linked devices, which have none"
	noS3       = "This server hands no files out of S3: use POST /chat/getBase64FromMediaMessage"
	noBaileys  = "This server does not run Baileys, and the keys of a session do not leave it: POST /chat/whatsappNumbers and " +
		"POST /chat/fetchProfilePictureUrl tell what onWhatsapp and profilePictureUrl do"
	noMeta     = "This server hosts linked devices: it takes no events of WhatsApp's cloud API, nor of Evolution's own channel"
	noCarousel = "Carousels belong to Evolution 2.4 and not to the release that this server follows: send the cards one by one, by POST /message/sendMedia"
	noChannel  = "This server does not serve channels: their messages are ignored"
)

// unserved are the routes of Evolution 2.3.7 (and some of 2.4) that this server
// knows and does not serve, keyed as routes are. They are refused with a
// sentence, not with 404, which programs take for a lost instance.
var unserved = unservedRoutes()

func unservedRoutes() map[string]route {
	all := map[string]route{
		"POST message/sendcarousel/:i": refused(noCarousel),
		"POST chat/findchannels/:i":    refused(noChannel),
		"POST chatwoot/set/:i":         refused(noChatwoot),
		"GET chatwoot/find/:i":         refused(noChatwoot),
		"POST chatwoot/webhook/:i":     {guardNone, refused(noChatwoot).serve},
		"GET webhook/meta":             {guardNone, refused(noMeta).serve},
		"POST webhook/meta":            {guardNone, refused(noMeta).serve},
		"POST webhook/evolution":       {guardNone, refused(noMeta).serve},
		"POST business/getcatalog/:i":  refused(noCatalog), "POST business/getcollections/:i": refused(noCatalog),
		"POST template/create/:i": refused(noTemplate), "POST template/edit/:i": refused(noTemplate),
		"GET template/find/:i": refused(noTemplate), "DELETE template/delete/:i": refused(noTemplate),
		"POST s3/getmedia/:i": refused(noS3), "POST s3/getmediaurl/:i": refused(noS3),
	}
	for _, name := range []string{
		"onwhatsapp", "profilepictureurl", "assertsessions", "createparticipantnodes", "getusyncdevices", "generatemessagetag", "sendnode",
		"signalrepositorydecryptmessage", "getauthstate",
	} {
		all["POST baileys/"+name+"/:i"] = refused(noBaileys)
	}
	for _, sink := range sinks {
		all["GET "+sink+"/find/:i"] = route{guardInstance, (*Handler).findNothing}
		all["POST "+sink+"/set/:i"] = refused(noSink(sink))
	}
	for _, bot := range bots {
		own := botRoutes
		switch bot {
		case "typebot":
			own = append(slices.Clip(own), "POST start/:i")
		case "openai":
			own = append(slices.Clip(own), "POST creds/:i", "GET creds/:i", "DELETE creds/:id/:i", "GET getmodels/:i")
		}
		for _, known := range own {
			method, path, _ := strings.Cut(known, " ")
			all[method+" "+bot+"/"+path] = refused("This server hosts instances, not bots: run " + bot + " as a program of its own, which receives " +
				"messages by webhook (POST /webhook/set) and answers them by POST /message/sendText")
		}
	}
	return all
}

func noSink(name string) string {
	return "This server tells events by webhooks, not by " + name + ": use POST /webhook/set, or POST /webhook/endpoints for more than one"
}

// askedInVain is what a body of create asks for beside the instance, "" for
// nothing that is not served.
func askedInVain(fields map[string]any) string {
	for _, sink := range sinks {
		if w := object(fields, sink); len(w) > 0 && w["enabled"] != false { // as in Evolution, who names one turns it on
			return noSink(sink)
		}
	}
	for _, name := range []string{"chatwootAccountId", "chatwootToken", "chatwootUrl"} { // Evolution wants all three
		if value := fields[name]; value == nil || value == "" {
			return ""
		}
	}
	return noChatwoot
}

func refused(sentence string) route {
	return route{guardInstance, func(*Handler, *request) (answer, error) { return answer{}, refuse(sentence) }}
}

func (h *Handler) findNothing(*request) (answer, error) { return ok(nil) }
