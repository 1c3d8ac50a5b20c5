package postback

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// pack puts objects into the envelope of a bulk: version 1.1 compresses.
func pack(version string, bodies [][]byte) ([]byte, error) {
	array, err := json.Marshal(bodies) // byte slices become base64
	if err != nil {
		return nil, fmt.Errorf("encode a bulk: %w", err)
	}
	if version == "1.0" {
		return append([]byte("BULK,"), array...), nil
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(array); err != nil {
		return nil, fmt.Errorf("compress a bulk: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress a bulk: %w", err)
	}
	return base64.StdEncoding.AppendEncode([]byte("BULKGZ,"), packed.Bytes()), nil
}

// address adds wid to a URL, and leaves the rest as its owner wrote it. The
// original glues it to the host with "&"; what was stored that way is mended.
func address(hook, wid string) string {
	hook, _, _ = strings.Cut(hook, "#")
	if u, err := url.Parse(hook); err == nil && strings.Contains(u.Host, "&") {
		u.Host, _, _ = strings.Cut(u.Host, "&")
		hook = u.String()
	}
	separator := "?"
	if strings.Contains(hook, "?") {
		separator = "&"
	}
	return hook + separator + "wid=" + url.QueryEscape(wid)
}
