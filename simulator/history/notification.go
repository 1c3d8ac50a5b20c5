package history

import "go.mau.fi/whatsmeow/proto/waE2E"

// BlobRef says where a chunk's payload was uploaded, encrypted with the media
// kind "WhatsApp History Keys" (upload path md-app-state or md-msg-hist).
type BlobRef struct {
	DirectPath    string
	MediaKey      []byte
	FileSHA256    []byte
	FileEncSHA256 []byte
	// EncHandle is what the client hands back to delete the blob. May be empty.
	EncHandle string
}

// Notification is the peer message that announces a chunk: with the payload in
// it if blob is nil, else with the reference.
func Notification(chunk Chunk, blob *BlobRef) *waE2E.Message {
	n := &waE2E.HistorySyncNotification{
		// The two enumerations have the same numbers.
		SyncType:   waE2E.HistorySyncType(chunk.Type).Enum(),
		ChunkOrder: new(chunk.Order),
		Progress:   new(chunk.Progress),
	}
	if !chunk.Oldest.IsZero() {
		n.OldestMsgInChunkTimestampSec = new(chunk.Oldest.Unix())
	}
	if chunk.SessionID != "" {
		n.PeerDataRequestSessionID = new(chunk.SessionID)
	}
	if blob == nil {
		n.InitialHistBootstrapInlinePayload = chunk.Payload
	} else {
		n.DirectPath = new(blob.DirectPath)
		n.MediaKey = blob.MediaKey
		n.FileSHA256 = blob.FileSHA256
		n.FileEncSHA256 = blob.FileEncSHA256
		n.FileLength = new(uint64(len(chunk.Payload)))
		if blob.EncHandle != "" {
			n.EncHandle = new(blob.EncHandle)
		}
	}
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type:                    waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION.Enum(),
		HistorySyncNotification: n,
	}}
}
