package whatsapp

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"roost/shared/command"
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
