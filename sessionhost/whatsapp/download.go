package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow"

	"roost/sessionhost/media"
	"roost/shared/fault"
	"roost/shared/message"
)

// remoteFile is what a message's content says of where its file is.
type remoteFile struct {
	DirectPath    string `json:"directPath"`
	MediaKey      []byte `json:"mediaKey"`
	FileSHA256    []byte `json:"fileSha256"`
	FileEncSHA256 []byte `json:"fileEncSha256"`
}

// Download fetches the file of a message, decrypts it and checks it against its
// checksum. It needs a connection, to learn where files are.
func (c *Client) Download(ctx context.Context, m message.Message, to *media.File) error {
	if m.Media == nil {
		return fault.New(fault.Invalid, "The message is not of the media type")
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(m.Content, &parts); err != nil {
		return fmt.Errorf("read the content of message %s: %w", m.ID, err)
	}
	var remote remoteFile
	for _, part := range parts {
		var candidate remoteFile
		if json.Unmarshal(part, &candidate) == nil && candidate.DirectPath != "" {
			remote = candidate
		}
	}
	if remote.DirectPath == "" || len(remote.FileSHA256) != 32 {
		return fmt.Errorf("message %s does not say where its file is: %w", m.ID, media.ErrGone)
	}
	if !c.Online() {
		return fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
	}
	err := c.wa.DownloadMediaWithPathToFile(
		ctx, remote.DirectPath, remote.FileEncSHA256, remote.FileSHA256, remote.MediaKey, mediaTypes[m.Media.Kind], "", false, to,
	)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith404), errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith410),
		errors.Is(err, media.ErrTooLarge), errors.Is(err, whatsmeow.ErrInvalidMediaSHA256), errors.Is(err, whatsmeow.ErrInvalidMediaHMAC):
		return fmt.Errorf("download the file of message %s: %w: %w", m.ID, media.ErrGone, err)
	}
	return fmt.Errorf("download the file of message %s: %w", m.ID, err)
}
