package content

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// voteUseCase ends the HKDF info of votes (whatsmeow msgsecret.go,
// EncSecretPollVote).
const voteUseCase = "Poll Vote"

var (
	// ErrNoVote means that a message is not a vote.
	ErrNoVote = errors.New("message is not a vote")
	// ErrSealedVote means that a vote does not fit the poll, the secret or any
	// of the names that its creator and voter go by.
	ErrSealedVote = errors.New("vote cannot be opened")
	// ErrNoOption means that a vote chose what the poll does not offer.
	ErrNoOption = errors.New("vote for an option that the poll does not have")
)

// PollVote votes for the selected options of poll, which replaces an earlier
// vote; none takes it back. voter is the JID under which its receivers know
// the sender: the LID if the poll was sent under a LID, else the phone number.
// It fails if the secret or the author of the poll is missing.
func PollVote(poll Key, voter types.JID, secret []byte, selected []string, at time.Time) (*waE2E.Message, error) {
	creator := poll.author(voter)
	if len(secret) == 0 || creator.IsEmpty() || voter.IsEmpty() || poll.ID == "" {
		return nil, errors.New("vote: secret, id, creator and voter are needed")
	}
	vote := &waE2E.PollVoteMessage{}
	for _, option := range selected {
		hash := sha256.Sum256([]byte(option))
		vote.SelectedOptions = append(vote.SelectedOptions, hash[:])
	}
	plain, err := proto.Marshal(vote)
	if err != nil {
		return nil, fmt.Errorf("marshal vote: %w", err)
	}
	aead, additional, err := voteCipher(secret, poll.ID, creator, voter)
	if err != nil {
		return nil, err
	}
	iv := make([]byte, aead.NonceSize())
	// Never fails since Go 1.24.
	_, _ = rand.Read(iv)
	return &waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{
		PollCreationMessageKey: poll.proto(),
		Vote: &waE2E.PollEncValue{
			EncPayload: aead.Seal(nil, iv, plain, additional),
			EncIV:      iv,
		},
		SenderTimestampMS: millis(at),
	}}, nil
}

// Ballot is what is needed to open the votes of one person on one poll.
type Ballot struct {
	PollID types.MessageID
	Secret []byte
	// Options are those of the poll.
	Options []string
	// Creator and Voter are the JIDs, LID and phone number, that may have been
	// used for the author of the poll and of the vote. Clients disagree about
	// which they use, and the right pair shows by opening the vote.
	Creator, Voter []types.JID
}

// OpenVote returns the names of the options that msg votes for, in the order of
// the vote. Errors are ErrNoVote, ErrSealedVote and ErrNoOption.
func OpenVote(msg *waE2E.Message, ballot Ballot) ([]string, error) {
	inner, _ := unwrap(msg)
	update := inner.GetPollUpdateMessage()
	if update == nil {
		return nil, ErrNoVote
	}
	vote, err := ballot.open(update.GetVote())
	if err != nil {
		return nil, err
	}
	selected := []string{}
	for _, hash := range vote.GetSelectedOptions() {
		name, ok := ballot.option(hash)
		if !ok {
			return nil, fmt.Errorf("%w: %x", ErrNoOption, hash)
		}
		selected = append(selected, name)
	}
	return selected, nil
}

func (b Ballot) open(sealed *waE2E.PollEncValue) (*waE2E.PollVoteMessage, error) {
	for _, creator := range b.Creator {
		for _, voter := range b.Voter {
			aead, additional, err := voteCipher(b.Secret, b.PollID, creator, voter)
			if err != nil {
				return nil, err
			}
			if len(sealed.GetEncIV()) != aead.NonceSize() {
				return nil, fmt.Errorf("%w: IV of %d bytes", ErrSealedVote, len(sealed.GetEncIV()))
			}
			plain, err := aead.Open(nil, sealed.GetEncIV(), sealed.GetEncPayload(), additional)
			if err != nil {
				continue
			}
			vote := &waE2E.PollVoteMessage{}
			if err := proto.Unmarshal(plain, vote); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrSealedVote, err)
			}
			return vote, nil
		}
	}
	return nil, ErrSealedVote
}

func (b Ballot) option(hash []byte) (string, bool) {
	for _, option := range b.Options {
		if sum := sha256.Sum256([]byte(option)); bytes.Equal(sum[:], hash) {
			return option, true
		}
	}
	return "", false
}

// voteCipher is whatsmeow's generateMsgSecretKey for votes: AES-256-GCM with a
// key bound to the poll, its creator and the voter.
func voteCipher(secret []byte, pollID types.MessageID, creator, voter types.JID) (cipher.AEAD, []byte, error) {
	voterName := voter.ToNonAD().String()
	info := pollID + creator.ToNonAD().String() + voterName + voteUseCase
	key, err := hkdf.Key(sha256.New, secret, nil, info, 32)
	if err != nil {
		return nil, nil, fmt.Errorf("derive vote key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, fmt.Errorf("make vote cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, fmt.Errorf("make vote cipher: %w", err)
	}
	return aead, []byte(pollID + "\x00" + voterName), nil
}
