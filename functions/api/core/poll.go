package core

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/transcript"
)

// votePage is how many votes are read at once.
const votePage = 500

// Poll is a question and how it was answered up to now.
type Poll struct {
	Question string
	Choices  []Choice
	Voters   int // who have chosen something
}

// Choice is an option of a poll.
type Choice struct {
	Name   string
	Voters []message.Address // in the order of their votes
}

// Poll counts the votes of a poll, of each voter the last one. Votes that could
// not be opened do not count. NotFound when the message is not known, Invalid
// when it is no poll.
func (c *Core) Poll(ctx context.Context, i instance.Instance, chat, id string) (Poll, error) {
	asked, ok, err := c.original(ctx, i, id, chat)
	if err != nil {
		return Poll{}, err
	}
	if !ok {
		return Poll{}, fault.New(fault.NotFound, "Poll creation message not found")
	}
	poll, ok := pollIn(asked)
	if !ok {
		return Poll{}, fault.New(fault.Invalid, "The message is not a poll")
	}
	votes, err := c.votes(ctx, i, asked)
	if err != nil {
		return Poll{}, err
	}
	for _, v := range slices.Backward(votes) { // the newest is first
		if len(v.Vote.Chosen) > 0 {
			poll.Voters++
		}
		for n := range poll.Choices {
			if slices.Contains(v.Vote.Chosen, poll.Choices[n].Name) {
				poll.Choices[n].Voters = append(poll.Choices[n].Voters, v.Sender)
			}
		}
	}
	return poll, nil
}

// votes are the last ones of a poll's voters, the newest first.
func (c *Core) votes(ctx context.Context, i instance.Instance, poll message.Message) ([]message.Message, error) {
	var out []message.Message
	voted := map[string]bool{}
	q := MessageQuery{
		Chat: poll.Chat.String(), From: poll.Timestamp, Limit: votePage,
		Match: func(h transcript.Header) bool { return h.Kind == transcript.KindVote },
	}
	for ; ; q.Skip += votePage {
		page, err := c.Messages(ctx, i, q)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			m, err := e.Message()
			if err != nil {
				return nil, err
			}
			if m.Vote == nil || m.Target == nil || m.Target.ID != poll.ID || voted[m.Sender.PN] || voted[m.Sender.LID] {
				continue
			}
			for _, name := range []string{m.Sender.PN, m.Sender.LID} {
				voted[name] = name != ""
			}
			out = append(out, m)
		}
		if len(page.Entries) < votePage {
			return out, nil
		}
	}
}

// pollIn is the poll that a message asks, in whichever form.
func pollIn(m message.Message) (Poll, bool) {
	if !strings.HasPrefix(m.Kind, "pollCreationMessage") {
		return Poll{}, false
	}
	var content map[string]json.RawMessage
	var poll struct {
		Name    string `json:"name"`
		Options []struct {
			Name string `json:"optionName"`
		} `json:"options"`
	}
	if json.Unmarshal(m.Content, &content) != nil || json.Unmarshal(content[m.Kind], &poll) != nil {
		return Poll{}, false
	}
	out := Poll{Question: poll.Name, Choices: make([]Choice, len(poll.Options))}
	for n, option := range poll.Options {
		out.Choices[n].Name = option.Name
	}
	return out, true
}
