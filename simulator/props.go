package simulator

import (
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// abProps are the switches that clients read, with WhatsApp Web's defaults
// (Baileys chats.ts: tctoken with 1:1 messages, with picture queries, issued
// to the LID).
var abProps = []struct{ code, value string }{{"10518", "1"}, {"9666", "1"}, {"14303", "0"}}

// propsHash names the set of abProps. A client that has it gets no props.
const propsHash = "1H8n2Zq"

func (st *stream) getProps(n *wire.Node) {
	request := child(n, "props")
	answer := wire.Node{Tag: "props", Attrs: wire.Attrs{
		"protocol": "1", "hash": propsHash, "refresh": "86400", "refresh_id": "1", "ab_key": "sim",
	}}
	if textAttr(&request, "hash") != propsHash {
		props := make([]wire.Node, len(abProps))
		for i, p := range abProps {
			props[i] = wire.Node{Tag: "prop", Attrs: wire.Attrs{"config_code": p.code, "config_value": p.value}}
		}
		answer.Content = props
	}
	st.result(n, answer)
}

// done answers what has no effect here.
func (st *stream) done(n *wire.Node) { st.result(n) }

// notFound answers queries for what does not exist here.
func (st *stream) notFound(n *wire.Node) { st.refuse(n, 404, "item-not-found") }

func (st *stream) listBots(n *wire.Node) {
	st.result(n, wire.Node{Tag: "bot", Attrs: wire.Attrs{"v": "2"}, Content: []wire.Node{
		{Tag: "section", Attrs: wire.Attrs{"name": "Featured", "type": "featured"}},
		{Tag: "section", Attrs: wire.Attrs{"name": "All", "type": "all"}},
	}})
}

func (st *stream) getPushConfig(n *wire.Node) {
	st.result(n, wire.Node{Tag: "settings", Content: []wire.Node{
		{Tag: "item", Attrs: wire.Attrs{"jid": types.ServerJID, "mute": "0"}},
	}})
}
