package simulator

import (
	"roost/simulator/media"
	"roost/simulator/wire"
)

// mediaAuth is the token that uploads must carry.
const mediaAuth = "simulated-media-auth"

// mediaConnection tells a client where media go. The times are seconds, as the
// real service gives them.
func (st *stream) mediaConnection(n *wire.Node) {
	st.result(n, wire.Node{
		Tag:     "media_conn",
		Attrs:   wire.Attrs{"auth": mediaAuth, "ttl": 3600, "auth_ttl": 21600, "max_buckets": 12},
		Content: []wire.Node{{Tag: "host", Attrs: wire.Attrs{"hostname": st.sim.cfg.MediaHost}}},
	})
}

// Media is the media servers: to upload what a phone sends, to read what a
// client has uploaded, and to let a file expire.
func (s *Simulator) Media() *media.Store { return s.media }
