package media_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"

	"roost/simulator/media"
)

// toServer sends every request to one server, whatever its host.
type toServer struct{ base *url.URL }

func (t toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = t.base.Scheme, t.base.Host
	return http.DefaultTransport.RoundTrip(r)
}

// newClient returns a whatsmeow client whose media go to s. It would ask its
// chat connection for the media hosts, and has none, so the answer is planted
// in the cache, which is not exported.
func newClient(t *testing.T, s *media.Store) *whatsmeow.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := whatsmeow.NewClient(store.NoopDevice, nil)
	client.SetMediaHTTPClient(&http.Client{Transport: toServer{base}})
	cache := reflect.ValueOf(client).Elem().FieldByName("mediaConnCache")
	*(**whatsmeow.MediaConn)(unsafe.Pointer(cache.UnsafeAddr())) = &whatsmeow.MediaConn{
		Auth: s.Auth(), TTL: 3600, FetchedAt: time.Now(),
		Hosts: []whatsmeow.MediaConnHost{{Hostname: s.Host()}},
	}
	return client
}

var kinds = []struct {
	kind media.Kind
	app  whatsmeow.MediaType
	msg  func(whatsmeow.UploadResponse) whatsmeow.DownloadableMessage
}{
	{media.Image, whatsmeow.MediaImage, func(u whatsmeow.UploadResponse) whatsmeow.DownloadableMessage {
		return &waE2E.ImageMessage{DirectPath: &u.DirectPath, MediaKey: u.MediaKey, FileSHA256: u.FileSHA256, FileEncSHA256: u.FileEncSHA256}
	}},
	{media.Sticker, whatsmeow.MediaImage, func(u whatsmeow.UploadResponse) whatsmeow.DownloadableMessage {
		return &waE2E.StickerMessage{DirectPath: &u.DirectPath, MediaKey: u.MediaKey, FileSHA256: u.FileSHA256, FileEncSHA256: u.FileEncSHA256}
	}},
	{media.Video, whatsmeow.MediaVideo, func(u whatsmeow.UploadResponse) whatsmeow.DownloadableMessage {
		return &waE2E.VideoMessage{DirectPath: &u.DirectPath, MediaKey: u.MediaKey, FileSHA256: u.FileSHA256, FileEncSHA256: u.FileEncSHA256}
	}},
	{media.Audio, whatsmeow.MediaAudio, func(u whatsmeow.UploadResponse) whatsmeow.DownloadableMessage {
		return &waE2E.AudioMessage{DirectPath: &u.DirectPath, MediaKey: u.MediaKey, FileSHA256: u.FileSHA256, FileEncSHA256: u.FileEncSHA256}
	}},
	{media.Voice, whatsmeow.MediaAudio, func(u whatsmeow.UploadResponse) whatsmeow.DownloadableMessage {
		return &waE2E.AudioMessage{PTT: new(true), DirectPath: &u.DirectPath, MediaKey: u.MediaKey, FileSHA256: u.FileSHA256, FileEncSHA256: u.FileEncSHA256}
	}},
	{media.Document, whatsmeow.MediaDocument, func(u whatsmeow.UploadResponse) whatsmeow.DownloadableMessage {
		return &waE2E.DocumentMessage{DirectPath: &u.DirectPath, MediaKey: u.MediaKey, FileSHA256: u.FileSHA256, FileEncSHA256: u.FileEncSHA256}
	}},
	{media.History, whatsmeow.MediaHistory, func(u whatsmeow.UploadResponse) whatsmeow.DownloadableMessage {
		return &waE2E.HistorySyncNotification{DirectPath: &u.DirectPath, MediaKey: u.MediaKey, FileSHA256: u.FileSHA256, FileEncSHA256: u.FileEncSHA256}
	}},
	{media.AppState, whatsmeow.MediaAppState, nil},
}

func TestWhatsmeowDownloadsWhatPhonesUpload(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		if k.msg == nil {
			continue
		}
		t.Run(string(k.kind), func(t *testing.T) {
			t.Parallel()
			s := media.NewStore(media.Config{})
			client := newClient(t, s)
			for _, size := range []int{0, 1, 15, 16, 17, 70_000} {
				plain := bytes.Repeat([]byte{0xA5}, size)
				up, err := s.Upload(k.kind, plain)
				if err != nil {
					t.Fatal(err)
				}
				got, err := client.Download(t.Context(), k.msg(whatsmeow.UploadResponse{
					DirectPath: up.DirectPath, MediaKey: up.MediaKey,
					FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
				}))
				if err != nil {
					t.Fatalf("size %d: %v", size, err)
				}
				if !bytes.Equal(got, plain) {
					t.Fatalf("size %d: got %d other bytes", size, len(got))
				}
			}
		})
	}
}

func TestPhonesReadWhatWhatsmeowUploads(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(string(k.kind), func(t *testing.T) {
			t.Parallel()
			s := media.NewStore(media.Config{})
			client := newClient(t, s)
			plain := bytes.Repeat([]byte("meow"), 10_001)
			up, err := client.Upload(t.Context(), plain, k.app)
			if err != nil {
				t.Fatal(err)
			}
			streamed, err := client.UploadReader(t.Context(), bytes.NewReader(plain), nil, k.app)
			if err != nil {
				t.Fatal(err)
			}
			for _, up := range []whatsmeow.UploadResponse{up, streamed} {
				body, ok := s.Get(up.DirectPath)
				if !ok {
					t.Fatalf("%s is not stored", up.DirectPath)
				}
				got, err := media.Decrypt(k.kind, up.MediaKey, body)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, plain) {
					t.Fatalf("got %d other bytes", len(got))
				}
				if want := "https://mmg.whatsapp.net" + up.DirectPath; up.URL != want {
					t.Errorf("url %q, want %q", up.URL, want)
				}
			}
		})
	}
}

func TestWhatsmeowNewsletterUpload(t *testing.T) {
	t.Parallel()
	s := media.NewStore(media.Config{})
	client := newClient(t, s)
	plain := []byte("read all about it")
	up, err := client.UploadNewsletter(t.Context(), plain, whatsmeow.MediaImage)
	if err != nil {
		t.Fatal(err)
	}
	if up.Handle == "" {
		t.Error("no media handle")
	}
	got, err := client.Download(t.Context(), &waE2E.ImageMessage{DirectPath: &up.DirectPath, FileSHA256: up.FileSHA256})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, plain) {
		t.Errorf("got %q", got)
	}
}

func TestWhatsmeowDeletesHistory(t *testing.T) {
	t.Parallel()
	s := media.NewStore(media.Config{})
	client := newClient(t, s)
	up, err := s.Upload(media.History, []byte("long ago"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := client.DeleteMedia(t.Context(), whatsmeow.MediaHistory, up.DirectPath, up.FileEncSHA256, ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := s.Get(up.DirectPath); ok {
		t.Error("still there")
	}
	if got := s.Counts(); got.Deletes != 2 || got.Files != 0 || got.Bytes != 0 {
		t.Errorf("counts %+v", got)
	}
}

func TestWhatsmeowMeetsFaults(t *testing.T) {
	t.Parallel()
	s := media.NewStore(media.Config{})
	client := newClient(t, s)
	up, err := s.Upload(media.Image, []byte("kitten"))
	if err != nil {
		t.Fatal(err)
	}
	download := func() error {
		_, err := client.Download(t.Context(), &waE2E.ImageMessage{
			DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
		})
		return err
	}

	s.Gone(up.DirectPath, http.StatusNotFound)
	if err := download(); !errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith404) {
		t.Errorf("gone with 404: %v", err)
	}
	s.Gone(up.DirectPath, http.StatusGone)
	if err := download(); !errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith410) {
		t.Errorf("gone with 410: %v", err)
	}
	body, ok := s.Get(up.DirectPath)
	if !ok {
		t.Fatal("the phone lost a file that is gone")
	}
	s.Put(body)
	if err := download(); err != nil {
		t.Errorf("put again: %v", err)
	}

	s.SetFaults(media.Faults{Corrupt: true})
	if err := download(); !errors.Is(err, whatsmeow.ErrInvalidMediaEncSHA256) {
		t.Errorf("corrupt: %v", err)
	}
	s.SetFaults(media.Faults{FailPath: map[string]int{up.DirectPath: http.StatusForbidden}, Times: 1})
	if err := download(); !errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith403) {
		t.Errorf("forbidden: %v", err)
	}
	if err := download(); err != nil {
		t.Errorf("after the only fault: %v", err)
	}
	s.SetFaults(media.Faults{FailUpload: http.StatusServiceUnavailable})
	if _, err := client.Upload(t.Context(), []byte("x"), whatsmeow.MediaImage); err == nil {
		t.Error("upload did not fail")
	}
}
