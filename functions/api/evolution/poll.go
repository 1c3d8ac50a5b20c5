package evolution

import (
	"slices"
	"strings"

	"github.com/rivo/uniseg"
	"go.mau.fi/util/emojirunes"

	"roost/functions/api/core"
	"roost/shared/command"
)

func (h *Handler) sendPoll(r *request) (answer, error) {
	fields, out, err := r.message(pollBody)
	if err != nil {
		return answer{}, err
	}
	out.Args.Poll = &command.PollArgs{
		Question: str(fields, "name"), Options: strs(fields, "values"), Selectable: integer(fields, "selectableCount"),
	}
	return h.send(r, out)
}

func (h *Handler) sendReaction(r *request) (answer, error) {
	fields, out, err := r.message(reactionBody)
	if err != nil {
		return answer{}, err
	}
	emoji := str(fields, "reaction")
	if emoji != "" && !isEmoji(emoji) {
		return answer{}, refuse("Reaction must be a single emoji or empty string")
	}
	key := object(fields, "key")
	out.Number = str(key, "remoteJid")
	out.Args.Reaction = &command.ReactionArgs{Reference: reference(key), Emoji: emoji}
	return h.send(r, out)
}

// getVotes counts a poll's votes. The results stand in the poll's order.
func (h *Handler) getVotes(r *request) (answer, error) {
	fields := r.body.object()
	if err := pollVoteBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	poll, err := h.core.Poll(r.Context(), r.instance, jid(str(fields, "remoteJid")), str(object(object(fields, "message"), "key"), "id"))
	if err != nil {
		return answer{}, err
	}
	var out struct {
		Poll struct {
			Name    string  `json:"name"`
			Total   int     `json:"totalVotes"`
			Results results `json:"results"`
		} `json:"poll"`
	}
	out.Poll.Name, out.Poll.Total, out.Poll.Results = poll.Question, poll.Voters, results(poll.Choices)
	return ok(out)
}

// results is an object whose fields are options, in their order.
type results []core.Choice

// MarshalJSON implements [json.Marshaler].
func (choices results) MarshalJSON() ([]byte, error) {
	out := []byte("{")
	for n, c := range choices {
		if n > 0 {
			out = append(out, ',')
		}
		var votes struct {
			Count  int      `json:"votes"`
			Voters []string `json:"voters"`
		}
		votes.Count, votes.Voters = len(c.Voters), make([]string, len(c.Voters))
		for i, who := range c.Voters {
			votes.Voters[i] = who.String()
		}
		out = append(append(append(out, encode(c.Name)...), ':'), encode(votes)...)
	}
	return append(out, '}'), nil
}

// reference is the message that a key names.
func reference(key map[string]any) command.Reference {
	return command.Reference{ID: str(key, "id"), FromMe: boolean(key, "fromMe"), Sender: str(key, "participant")}
}

// isEmoji reports whether text is what people see as one emoji, with whatever
// modifies it.
func isEmoji(text string) bool {
	if uniseg.GraphemeClusterCount(text) != 1 {
		return false
	}
	const keys = "0123456789#*" // emoji only on a key cap
	capped := strings.HasSuffix(text, "\u20e3")
	for _, c := range text {
		tag := c >= 0xe0020 && c <= 0xe007f // of the flags of regions
		if capped && strings.ContainsRune(keys, c) {
			continue
		}
		if !tag && c != 0xfe0e && !slices.Contains(emojirunes.EmojiRunes, c) {
			return false
		}
	}
	return true
}
