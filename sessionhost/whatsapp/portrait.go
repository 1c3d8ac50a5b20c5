package whatsapp

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"

	"go.mau.fi/whatsmeow/types"

	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
)

// maxPortrait bounds a profile picture, in bytes: it travels inside an answer,
// and an item of the table has at most 400 KB. WhatsApp's own are below 100 KB.
const maxPortrait = 256 << 10

// FetchPicture gets the picture of a person or a group.
func (c *Client) FetchPicture(ctx context.Context, args command.PersonArgs) (command.PictureFile, error) {
	p, err := c.ShowPicture(ctx, args)
	if err != nil || p.URL == "" {
		return command.PictureFile{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return command.PictureFile{}, fmt.Errorf("fetch a picture: %w", err)
	}
	response, err := (&http.Client{Transport: &c.media}).Do(request)
	if err != nil {
		return command.PictureFile{}, fault.Wrap(fault.Unavailable, err, "the picture cannot be had now")
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return command.PictureFile{}, fault.New(fault.Unavailable, "WhatsApp answered %d instead of the picture", response.StatusCode)
	}
	file, err := io.ReadAll(io.LimitReader(response.Body, maxPortrait+1))
	if err != nil {
		return command.PictureFile{}, fault.Wrap(fault.Unavailable, err, "the picture broke off")
	}
	if len(file) > maxPortrait {
		return command.PictureFile{}, fault.New(fault.TooLarge, "the picture is larger than %d KiB", maxPortrait>>10)
	}
	return command.PictureFile{Bytes: file}, nil
}

// Portrait is what is known of somebody, with the picture as it is now: "" when
// there is none. id names the picture.
func (c *Client) Portrait(ctx context.Context, p Portrayed) (who event.Contact, id string, err error) {
	who.Address = c.address(ctx, p.Who, types.EmptyJID)
	for _, name := range []string{who.Address.LID, who.Address.PN} {
		jid, err := types.ParseJID(name)
		if err != nil || name == "" {
			continue
		}
		if known, err := c.device.Contacts.GetContact(ctx, jid); err == nil && known.Found {
			who.PushName, who.Saved = cmp.Or(who.PushName, known.PushName), cmp.Or(who.Saved, saved(known.FullName, known.FirstName))
		}
	}
	var picture command.Picture
	if !p.Removed {
		if picture, err = c.picture(ctx, p.Who.ToNonAD()); err != nil {
			return who, "", err
		}
	}
	who.Picture = &picture.URL
	return who, picture.ID, nil
}

// Own reports whether a JID is the account's.
func (c *Client) Own(who types.JID) bool {
	return who.User != "" && (who.User == c.device.GetJID().User || who.User == c.device.GetLID().User)
}
