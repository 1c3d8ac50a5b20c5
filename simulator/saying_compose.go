package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/content"
	"roost/simulator/media"
)

// compose makes the message that a saying to a chat is on the wire. target is
// the message it does something to or answers.
func (u *User) compose(s Saying, to types.JID, target remembered) (*waE2E.Message, error) {
	at := time.Now()
	switch {
	case s.Vote != nil:
		return u.composeVote(*s.Vote, target, at)
	case s.Reaction != nil:
		return content.Reaction(target.Key, s.Reaction.Emoji, at), nil
	case s.Edit != nil && !target.FromMe:
		return nil, invalid("one can edit only own messages")
	case s.Edit != nil:
		return content.Edit(target.Key, content.Text(s.Edit.Text), at), nil
	case s.Revoke != nil && !target.FromMe && target.Chat.Server != types.GroupServer:
		return nil, invalid("one can revoke only own messages, but for a group's admin")
	case s.Revoke != nil:
		return content.Revoke(target.Key), nil
	}
	m, err := u.composeBody(s)
	if err != nil {
		return nil, err
	}
	if s.Reply != nil {
		m = content.Reply(m, target.quote(to))
	}
	if len(s.Mentions) > 0 {
		people, err := u.sim.mentioned(s.Mentions)
		if err != nil {
			return nil, err
		}
		m = content.Mention(m, people...)
	}
	if s.Forwarded {
		m = content.Forward(m)
	}
	if s.Expiration > 0 {
		m = content.Expire(m, time.Duration(s.Expiration)*time.Second, at)
	}
	if s.ViewOnce {
		m = content.ViewOnce(m)
	}
	if s.Poll == nil { // which has one already
		m = content.WithSecret(m, nil)
	}
	return m, nil
}

func (u *User) composeBody(s Saying) (*waE2E.Message, error) {
	switch {
	case s.Link != nil:
		return content.LinkPreview(s.Text, content.Link{
			URL: s.Link.URL, Title: s.Link.Title, Description: s.Link.Description, Thumbnail: s.Link.Thumbnail,
		}), nil
	case s.Media != nil:
		return u.sim.attach(*s.Media)
	case s.Location != nil:
		return content.Location(content.Place{
			Latitude: s.Location.Latitude, Longitude: s.Location.Longitude, Name: s.Location.Name, Address: s.Location.Address,
		}), nil
	case s.Contact != nil:
		return content.ContactCards(content.Card{
			Name: s.Contact.Name, Phone: strings.TrimPrefix(s.Contact.Number, "+"), VCard: s.Contact.VCard,
		}), nil
	case s.Poll != nil:
		return content.Poll(content.Question{Text: s.Poll.Question, Options: s.Poll.Options, Selectable: s.Poll.Selectable}), nil
	default:
		return content.Text(s.Text), nil
	}
}

// attach puts a file on the media servers and makes the message for it.
func (s *Simulator) attach(f File) (*waE2E.Message, error) {
	uploaded, err := s.media.Upload(media.Kind(f.Kind), f.Data)
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	m, err := content.Attach(content.Attachment{
		Uploaded: uploaded, Mimetype: f.Mimetype, Caption: f.Caption, FileName: f.FileName,
		Seconds: f.Seconds, Width: f.Width, Height: f.Height, Thumbnail: f.Thumbnail, Animated: f.Animated,
	})
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return m, nil
}

func (u *User) composeVote(v Vote, poll remembered, at time.Time) (*waE2E.Message, error) {
	asked, ok := content.Describe(poll.message)
	if !ok || asked.Kind != content.KindPoll || len(asked.Secret) == 0 {
		return nil, fmt.Errorf("poll %s: %w", v.ID, ErrNoMessage)
	}
	for _, option := range v.Options {
		if !slices.Contains(asked.Options, option) {
			return nil, invalid(fmt.Sprintf("the poll has no option %q", option))
		}
	}
	if asked.Selectable > 0 && len(v.Options) > int(asked.Selectable) {
		return nil, invalid(fmt.Sprintf("the poll allows %d options", asked.Selectable))
	}
	m, err := content.PollVote(poll.Key, u.lid, asked.Secret, v.Options, at)
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return m, nil
}

// mentioned are the JIDs by which people are mentioned.
func (s *Simulator) mentioned(names []string) ([]types.JID, error) {
	out := make([]types.JID, len(names))
	for i, name := range names {
		u, err := s.person(name)
		if err != nil {
			return nil, err
		}
		out[i] = u.lid
		if strings.HasSuffix(name, "@"+types.DefaultUserServer) {
			out[i] = u.pn
		}
	}
	return out, nil
}
