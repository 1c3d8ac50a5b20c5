package instance

import (
	"crypto/subtle"
	"fmt"

	"roost/shared/seal"
)

// SetToken gives the instance its token: as a hash to check it by, and sealed,
// since some answers show it.
func (i *Instance) SetToken(s *seal.Sealer, token string) {
	i.TokenHash = HashToken(token)
	i.SealedToken = s.Seal([]byte(token), tokenPlace(i.ID))
}

// Token opens the sealed token.
func (i Instance) Token(s *seal.Sealer) (string, error) {
	token, err := s.Open(i.SealedToken, tokenPlace(i.ID))
	if err != nil {
		return "", fmt.Errorf("open the token of instance %s: %w", i.ID, err)
	}
	return string(token), nil
}

// HasToken compares in constant time.
func (i Instance) HasToken(token string) bool {
	return len(i.TokenHash) > 0 && subtle.ConstantTimeCompare(i.TokenHash, HashToken(token)) == 1
}

// tokenPlace binds a sealed token to its instance.
func tokenPlace(id ID) []byte { return []byte("instance#" + string(id) + "#token") }
