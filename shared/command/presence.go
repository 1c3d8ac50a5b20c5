package command

// MarkReadArgs name messages of one sender that have been read.
type MarkReadArgs struct {
	Chat   string   `json:"chat"`             // JID
	Sender string   `json:"sender,omitempty"` // JID of who wrote them, for groups
	IDs    []string `json:"ids"`
	Played bool     `json:"played,omitempty"` // of voice notes: heard, which is more than read
}

// Presences that an account can show.
const (
	PresenceAvailable   = "available"   // of the account, to everybody
	PresenceUnavailable = "unavailable" // so is this
	PresenceComposing   = "composing"   // in a chat, as the others
	PresenceRecording   = "recording"
	PresencePaused      = "paused"
)

// PresenceArgs are what an account shows of itself.
type PresenceArgs struct {
	Chat  string `json:"chat,omitempty"` // JID, for presences of a chat
	State string `json:"state"`
}

// WatchArgs name whose presence is to be told.
type WatchArgs struct {
	Person string `json:"person"` // JID
}
