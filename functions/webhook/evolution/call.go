package evolution

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"roost/functions/webhook/format"
	"roost/shared/event"
)

var _ format.Format = Calls

// Calls is the format called webhook.FormatEvolution.
func Calls(e event.Event) ([]format.Call, error) {
	payloads, err := Translate(e)
	if err != nil {
		return nil, err
	}
	calls := make([]format.Call, len(payloads))
	for n, p := range payloads {
		calls[n] = format.Call{Name: p.Name(), Media: p.Media, Build: func(t format.Target) (format.Request, error) {
			return p.request(e, t)
		}}
	}
	return calls, nil
}

func (p Payload) request(e event.Event, t format.Target) (format.Request, error) {
	switch {
	case t.File != nil:
		p = p.WithMedia(t.File)
	case t.FileURL != "":
		p = p.WithMediaURL(t.FileURL)
	}
	address := t.Subscription.URL
	body, err := p.Encode(e, address, t.ServerURL)
	if err != nil {
		return format.Request{}, err
	}
	if t.Subscription.ByEvents {
		address += "/" + p.Suffix() // a trailing slash doubles, as with Evolution
	}
	return format.Request{URL: address, Body: body}, nil
}

// WithMedia is the payload with a file inside, as webhooks with base64 want it:
// data.message.base64.
func (p Payload) WithMedia(file []byte) Payload {
	value := make([]byte, 0, base64.StdEncoding.EncodedLen(len(file))+2)
	value = append(value, '"')
	value = base64.StdEncoding.AppendEncode(value, file)
	return p.with("base64", append(value, '"'))
}

// WithMediaURL is the payload with a link to a file, where Evolution has one:
// data.message.mediaUrl.
func (p Payload) WithMediaURL(link string) Payload {
	value, err := json.Marshal(link)
	if err != nil {
		return p // text always encodes
	}
	return p.with("mediaUrl", value)
}

// with adds a field to data.message.
func (p Payload) with(name string, value []byte) Payload {
	data, ok := p.Data.(upsert)
	if !ok || p.Media == nil {
		return p
	}
	content := bytes.TrimSuffix(bytes.TrimSpace(data.Message), []byte("}"))
	out := make([]byte, 0, len(content)+len(name)+len(value)+len(`,"":}`))
	out = append(out, content...)
	if !bytes.Equal(bytes.TrimSpace(content), []byte("{")) {
		out = append(out, ',')
	}
	out = fmt.Appendf(out, "%q:", name)
	data.Message = append(append(out, value...), '}')
	p.Data = data
	return p
}
