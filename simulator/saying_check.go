package simulator

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"roost/simulator/media"
)

// maxMessageID bounds a message id in bytes; phones make 20 to 32.
const maxMessageID = 128

// files are the kinds of media that a person can send.
var files = []string{
	string(media.Image), string(media.Video), string(media.Audio),
	string(media.Voice), string(media.Document), string(media.Sticker),
}

// check finds what makes no sense whoever says it.
func (s Saying) check() error {
	var kinds []string
	for _, k := range []struct {
		name string
		has  bool
	}{
		{"text", s.Text != ""},
		{"media", s.Media != nil},
		{"location", s.Location != nil},
		{"contact", s.Contact != nil},
		{"poll", s.Poll != nil},
		{"vote", s.Vote != nil},
		{"reaction", s.Reaction != nil},
		{"edit", s.Edit != nil},
		{"revoke", s.Revoke != nil},
	} {
		if k.has {
			kinds = append(kinds, k.name)
		}
	}
	switch {
	case len(kinds) == 0:
		return invalid("it needs one of text, media, location, contact, poll, vote, reaction, edit and revoke")
	case len(kinds) > 1:
		return invalid("it can be only one of " + strings.Join(kinds, " and "))
	case len(s.ID) > maxMessageID || !printable(s.ID):
		return invalid("id must be at most 128 printable characters without spaces")
	}
	if err := s.checkExtras(kinds[0]); err != nil {
		return err
	}
	for _, check := range []func() error{s.Media.check, s.Location.check, s.Contact.check, s.Poll.check} {
		if err := check(); err != nil {
			return err
		}
	}
	for _, r := range s.references() {
		if r.ID == "" {
			return invalid("the message it refers to has no id")
		}
	}
	return nil
}

// checkExtras refuses what a message of this kind cannot carry.
func (s Saying) checkExtras(kind string) error {
	action := slices.Contains([]string{"vote", "reaction", "edit", "revoke"}, kind)
	switch {
	case action && (s.Reply != nil || len(s.Mentions) > 0 || s.Forwarded || s.Expiration > 0):
		return invalid("a " + kind + " takes no reply, mentions, forwarded or expiration")
	case s.Link != nil && kind != "text":
		return invalid("link goes with text only")
	case s.Link != nil && !strings.Contains(s.Text, s.Link.URL), s.Link != nil && s.Link.URL == "":
		return invalid("link.url must stand in text")
	case s.ViewOnce && (s.Media == nil || !slices.Contains([]string{"image", "video", "audio", "voice"}, s.Media.Kind)):
		return invalid("viewOnce goes with media of the kinds image, video, audio and voice only")
	case s.Edit != nil && s.Edit.Text == "":
		return invalid("edit.text is missing")
	}
	return nil
}

func (f *File) check() error {
	switch {
	case f == nil:
		return nil
	case !slices.Contains(files, f.Kind):
		return invalid("media.kind must be one of " + strings.Join(files, ", "))
	case len(f.Data) == 0:
		return invalid("media.base64 is missing or empty")
	case f.Caption != "" && !slices.Contains([]string{"image", "video", "document"}, f.Kind):
		return invalid("media.caption goes with image, video and document only")
	}
	return nil
}

func (p *Spot) check() error {
	// NaN is not within any bounds.
	if p != nil && !(math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180) {
		return invalid("location.latitude must be -90 to 90 and location.longitude -180 to 180")
	}
	return nil
}

func (c *Card) check() error {
	if c == nil {
		return nil
	}
	if c.Name == "" {
		return invalid("contact.name is missing")
	}
	if c.VCard == "" {
		if err := checkNumber(strings.TrimPrefix(c.Number, "+")); err != nil {
			return fmt.Errorf("%w: contact.number: %w", ErrSaying, err)
		}
	}
	return nil
}

func (p *Poll) check() error {
	if p == nil {
		return nil
	}
	sorted := slices.Sorted(slices.Values(p.Options))
	switch {
	case p.Question == "":
		return invalid("poll.question is missing")
	case len(sorted) < 2 || len(sorted) > 12 || sorted[0] == "" || len(slices.Compact(sorted)) != len(p.Options):
		return invalid("poll.options must be 2 to 12 different texts")
	case p.Selectable < 0 || p.Selectable > len(p.Options):
		return invalid("poll.selectable must be 0 to the number of options")
	}
	return nil
}

// references are the messages it names.
func (s Saying) references() []*Reference {
	var out []*Reference
	if t := s.targetReference(); t != nil {
		out = append(out, t)
	}
	if s.Reply != nil {
		out = append(out, s.Reply)
	}
	return out
}

// targetReference is the message that this one does something to.
func (s Saying) targetReference() *Reference {
	switch {
	case s.Vote != nil:
		return &s.Vote.Reference
	case s.Reaction != nil:
		return &s.Reaction.Reference
	case s.Edit != nil:
		return &s.Edit.Reference
	default:
		return s.Revoke
	}
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f })
}

func invalid(sentence string) error { return fmt.Errorf("%w: %s", ErrSaying, sentence) }
