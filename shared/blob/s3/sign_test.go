package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/s3"

	"roost/shared/blob"
	"roost/shared/blob/s3"
)

// lives makes a bucket whose credentials live for the next of lives, in turn; 0
// is for ever.
func lives(token string, lives ...time.Duration) (b *s3.Bucket, fetched *int) {
	fetched = new(int)
	provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		life := lives[min(*fetched, len(lives)-1)]
		*fetched++
		return aws.Credentials{
			AccessKeyID: fmt.Sprint("key", *fetched), SecretAccessKey: "s", SessionToken: token,
			CanExpire: life > 0, Expires: time.Now().Add(life),
		}, nil
	})
	client := api.New(api.Options{Region: "eu-central-1", Credentials: aws.NewCredentialsCache(provider)})
	return s3.New(client, "bucket"), fetched
}

func TestSignedURLDiesWithItsCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token   string
		lives   []time.Duration
		expiry  time.Duration
		want    time.Duration
		fetched int
	}{
		"a user's live for ever":    {"", []time.Duration{0}, blob.MaxExpiry, blob.MaxExpiry, 1},
		"long enough":               {"t", []time.Duration{2 * time.Hour}, time.Hour, time.Hour, 1},
		"sooner":                    {"t", []time.Duration{2 * time.Hour}, blob.MaxExpiry, 2 * time.Hour, 1},
		"too short, renewed":        {"t", []time.Duration{10 * time.Minute, 6 * time.Hour}, blob.MaxExpiry, 6 * time.Hour, 2},
		"short, and that is enough": {"t", []time.Duration{10 * time.Minute, 6 * time.Hour}, 5 * time.Minute, 5 * time.Minute, 1},
		"always short":              {"t", []time.Duration{10 * time.Minute}, blob.MaxExpiry, 10 * time.Minute, 2},
		"nobody says":               {"t", []time.Duration{0}, blob.MaxExpiry, time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, fetched := lives(c.token, c.lives...)
			for range 3 { // renewed once, not for each URL
				signed, expires, err := b.SignGet(t.Context(), "o", c.expiry, "")
				if err != nil {
					t.Fatal(err)
				}
				u, err := url.Parse(signed)
				if err != nil {
					t.Fatal(err)
				}
				seconds, err := strconv.Atoi(u.Query().Get("X-Amz-Expires"))
				if err != nil {
					t.Fatal(err)
				}
				at, err := time.Parse("20060102T150405Z", u.Query().Get("X-Amz-Date"))
				if err != nil || !at.Add(time.Duration(seconds)*time.Second).Equal(expires) {
					t.Errorf("the URL says %v and %d s, the answer %v", at, seconds, expires)
				}
				// Never later than the credentials, and within the time that a test takes.
				left := time.Until(expires)
				if left > c.want || left < c.want-time.Minute {
					t.Errorf("expires in %v, want %v", left, c.want)
				}
			}
			if *fetched != c.fetched {
				t.Errorf("credentials fetched %d times, want %d", *fetched, c.fetched)
			}
			if _, expires, err := b.SignPut(t.Context(), "o", c.expiry, 1, "a/b"); err != nil || time.Until(expires) > c.want {
				t.Errorf("put: expires in %v, %v", time.Until(expires), err)
			}
		})
	}
}

func TestSignWithoutCredentials(t *testing.T) {
	t.Parallel()
	b, _ := lives("t", time.Nanosecond)
	if _, _, err := b.SignGet(t.Context(), "o", time.Hour, ""); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("with credentials that have ended: %v", err)
	}
	gone := errors.New("no metadata service")
	b = s3.New(api.New(api.Options{Region: "eu-central-1", Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, gone })}), "bucket")
	if _, _, err := b.SignPut(t.Context(), "o", time.Hour, 1, ""); !errors.Is(err, gone) || !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("with none: %v", err)
	}
}
