package simulator_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

// photo makes a JPEG of that size.
func photo(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, width, height)), nil))
	return b.Bytes()
}

// download gets what a URL of a picture leads to.
func (w *world) download(url string) []byte {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.ctx, http.MethodGet, url, nil)
	must(w.t, err)
	response, err := w.http.Do(request)
	must(w.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(w.t, err)
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s: %s", url, response.Status)
	}
	return body
}

// query sends an iq that whatsmeow has no method for and returns the answer.
func (w *world) query(c *companion.Client, namespace, kind string, children ...waBinary.Node) (*waBinary.Node, error) {
	w.t.Helper()
	var content any
	if len(children) > 0 {
		content = children
	}
	return c.DangerousInternals().SendIQ(w.ctx, whatsmeow.DangerousInfoQuery{
		Namespace: namespace, Type: whatsmeow.DangerousInfoQueryType(kind), To: types.ServerJID, Content: content,
	})
}

func TestPictureOfContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	for _, jid := range []types.JID{bob.PN(), bob.LID()} {
		if _, err := c.GetProfilePictureInfo(w.ctx, jid, nil); !errors.Is(err, whatsmeow.ErrProfilePictureNotSet) {
			t.Errorf("no picture: %v", err)
		}
	}
	large := photo(t, 400, 200)
	id := bob.SetPicture(large)
	set := await[*events.Picture](w, c)
	if set.JID != bob.LID() || set.Author != bob.LID() || set.PictureID != id || set.Remove || set.Timestamp.IsZero() {
		t.Errorf("event %+v", set)
	}
	info, err := c.GetProfilePictureInfo(w.ctx, bob.PN(), nil)
	must(t, err)
	if info.ID != id || info.Type != "image" || !bytes.Equal(w.download(info.URL), large) {
		t.Errorf("picture %+v", info)
	}
	preview, err := c.GetProfilePictureInfo(w.ctx, bob.LID(), &whatsmeow.GetProfilePictureParams{Preview: true})
	must(t, err)
	small, err := jpeg.DecodeConfig(bytes.NewReader(w.download(preview.URL)))
	must(t, err)
	if preview.ID != id || preview.Type != "preview" || small.Width != 96 || small.Height != 48 {
		t.Errorf("preview %+v of %dx%d", preview, small.Width, small.Height)
	}
	same, err := c.GetProfilePictureInfo(w.ctx, bob.PN(), &whatsmeow.GetProfilePictureParams{ExistingID: id})
	if same != nil || err != nil {
		t.Errorf("known picture: %v, %v", same, err)
	}
	users, err := c.GetUserInfo(w.ctx, []types.JID{bob.PN()})
	must(t, err)
	if users[bob.PN()].PictureID != id {
		t.Errorf("user info %+v", users)
	}

	must(t, bob.SetPrivacy("profile", "none"))
	if _, err := c.GetProfilePictureInfo(w.ctx, bob.PN(), nil); !errors.Is(err, whatsmeow.ErrProfilePictureUnauthorized) {
		t.Errorf("hidden picture: %v", err)
	}
	must(t, bob.SetPrivacy("profile", "contacts"))
	bob.RemovePicture()
	if gone := await[*events.Picture](w, c); !gone.Remove || gone.JID != bob.LID() {
		t.Errorf("event %+v", gone)
	}
	if _, err := c.GetProfilePictureInfo(w.ctx, types.NewJID("491999999999", types.DefaultUserServer), nil); !errors.Is(err, whatsmeow.ErrProfilePictureNotSet) {
		t.Errorf("picture of nobody: %v", err)
	}
}

func TestOwnPicture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	second := w.link(alice)
	other, _ := w.pair("491510000002", "Bob")
	c.Forget()
	second.Forget()
	id, err := c.SetGroupPhoto(w.ctx, types.EmptyJID, photo(t, 10, 10)) // without a target it is the own one
	must(t, err)
	if id == "" || alice.PictureID() != id {
		t.Errorf("id %q, phone has %q", id, alice.PictureID())
	}
	if e := await[*events.Picture](w, second); e.JID != alice.PN() {
		t.Errorf("other companion: %+v", e)
	}
	if e := await[*events.Picture](w, other); e.JID != alice.LID() || e.PictureID != id {
		t.Errorf("other account: %+v", e)
	}
	if _, err := c.SetGroupPhoto(w.ctx, types.EmptyJID, []byte("GIF89a")); !errors.Is(err, whatsmeow.ErrInvalidImageFormat) {
		t.Errorf("no JPEG: %v", err)
	}
	if _, err := c.SetGroupPhoto(w.ctx, types.NewJID("491510000002", types.DefaultUserServer), photo(t, 10, 10)); !errors.Is(err, whatsmeow.ErrIQForbidden) {
		t.Errorf("somebody else's picture: %v", err)
	}
	_, err = c.SetGroupPhoto(w.ctx, types.EmptyJID, nil)
	must(t, err)
	await[*events.Picture](w, second)
	if alice.PictureID() != "" {
		t.Error("the picture is still there")
	}
	must(t, w.Settle(w.ctx))
	for _, e := range c.Events() {
		if p, ok := e.(*events.Picture); ok {
			t.Errorf("the client heard of its own change: %+v", p)
		}
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	other, _ := w.pair("491510000002", "Bob")
	carol := w.phone("491510000003", "Carol")
	carol.SetAbout("At the movies")
	if e := await[*events.UserAbout](w, c); e.JID != carol.LID() || e.Status != "At the movies" || e.Timestamp.IsZero() {
		t.Errorf("event %+v", e)
	}
	about := func() string {
		users, err := c.GetUserInfo(w.ctx, []types.JID{carol.PN()})
		must(t, err)
		return users[carol.PN()].Status
	}
	if about() != "At the movies" {
		t.Errorf("about %q", about())
	}
	must(t, carol.SetPrivacy("status", "none"))
	if about() != "" {
		t.Errorf("hidden about %q", about())
	}
	busy := "Busy"
	must(t, c.SetStatusMessage(w.ctx, types.SetStatusInput{Text: &busy}))
	if e := await(w, other, func(e *events.UserAbout) bool { return e.JID == alice.LID() }); e.Status != busy || alice.About() != busy {
		t.Errorf("event %+v, phone has %q", e, alice.About())
	}
	_, err := w.query(c, "status", "set", waBinary.Node{Tag: "status", Content: []byte("Free")})
	must(t, err)
	await(w, other, func(e *events.UserAbout) bool { return e.Status == "Free" })
}

func TestIsOnWhatsApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	bob.SetBusiness("Bob's Bakery")
	numbers := []string{"+491510000002", "491510000002", "+491999999999", "+" + bob.LID().User}
	for range 200 {
		numbers = append(numbers, "+491510000001")
	}
	answers, err := c.IsOnWhatsApp(w.ctx, numbers)
	must(t, err)
	if len(answers) != len(numbers) {
		t.Fatalf("%d answers for %d numbers", len(answers), len(numbers))
	}
	for i, a := range answers {
		if a.Query != numbers[i] || a.IsIn != (i < 2 || i > 3) {
			t.Errorf("%s: %+v", numbers[i], a)
		}
	}
	if a := answers[0]; a.JID != bob.LID() || a.PhoneNumber != bob.PN() || a.VerifiedName.Details.GetVerifiedName() != "Bob's Bakery" {
		t.Errorf("bob: %+v", a)
	}
}

// TestNumbersByPhoneNumber asks as Baileys' onWhatsApp does, which wants to
// read a phone number in the answer.
func TestNumbersByPhoneNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	answer, err := w.query(c, "usync", "get", waBinary.Node{
		Tag: "usync", Attrs: waBinary.Attrs{"sid": "1", "mode": "query", "context": "interactive", "last": "true", "index": "0"},
		Content: []waBinary.Node{
			{Tag: "query", Content: []waBinary.Node{{Tag: "contact"}}},
			{Tag: "list", Content: []waBinary.Node{{Tag: "user", Content: []waBinary.Node{{Tag: "contact", Content: "+491510000002"}}}}},
		},
	})
	must(t, err)
	user, ok := answer.GetOptionalChildByTag("usync", "list", "user")
	if !ok || user.Attrs["jid"] != bob.PN() || user.GetChildren()[0].Attrs["type"] != "in" {
		t.Errorf("answer %s", answer)
	}
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	bob.AddDevice()
	bob.SetBusiness("Bob's Bakery")
	nobody := types.NewJID("491999999999", types.DefaultUserServer)
	users, err := c.GetUserInfo(w.ctx, []types.JID{bob.PN(), bob.LID(), alice.PN(), nobody})
	must(t, err)
	info := users[bob.PN()]
	if info.LID != bob.LID() || len(info.Devices) != 2 {
		t.Errorf("bob: %+v", info)
	}
	if len(users[bob.LID()].Devices) != 2 || len(users[alice.PN()].Devices) != 2 || len(users[nobody].Devices) != 0 {
		t.Errorf("users %+v", users)
	}
	await(w, c, func(e *events.BusinessName) bool { return e.NewBusinessName == "Bob's Bakery" })
}

func TestBusinessProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	bob.SetBusinessProfile(&simulator.Business{
		Name: "Bob's Bakery", Address: "1 Main Street", Email: "bob@example.com", Category: "Bakery", TimeZone: "Europe/Berlin",
		Hours: []simulator.BusinessHours{{Day: "mon", Mode: "specific_hours", Open: 360, Close: 720}},
	})
	got, err := c.GetBusinessProfile(w.ctx, bob.PN())
	must(t, err)
	want := &types.BusinessProfile{
		JID: bob.PN(), Address: "1 Main Street", Email: "bob@example.com", Categories: []types.Category{{ID: "1", Name: "Bakery"}},
		ProfileOptions: map[string]string{}, BusinessHoursTimeZone: "Europe/Berlin",
		BusinessHours: []types.BusinessHoursConfig{{DayOfWeek: "mon", Mode: "specific_hours", OpenTime: "360", CloseTime: "720"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p, err := c.GetBusinessProfile(w.ctx, alice.PN()); err == nil {
		t.Errorf("a private person has a business profile: %+v", p)
	}
}

func TestStatusAudience(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	got, err := c.GetStatusPrivacy(w.ctx)
	must(t, err)
	if diff := cmp.Diff(whatsmeow.DefaultStatusPrivacy, got); diff != "" {
		t.Error(diff)
	}
	alice.SetStatusAudience(types.StatusPrivacyTypeWhitelist, bob)
	got, err = c.GetStatusPrivacy(w.ctx)
	must(t, err)
	want := []types.StatusPrivacy{{Type: types.StatusPrivacyTypeWhitelist, List: []types.JID{bob.PN()}, IsDefault: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestContactLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	code, err := c.GetContactQRLink(w.ctx, false)
	must(t, err)
	target, err := c.ResolveContactQRLink(w.ctx, whatsmeow.ContactQRLinkPrefix+code)
	must(t, err)
	if target.JID != alice.PN() || target.Type != "contact" || target.PushName != "Alice" {
		t.Errorf("target %+v", target)
	}
	fresh, err := c.GetContactQRLink(w.ctx, true)
	must(t, err)
	if fresh == code {
		t.Error("the revoked code is given again")
	}
	if _, err := c.ResolveContactQRLink(w.ctx, code); !errors.Is(err, whatsmeow.ErrContactQRLinkNotFound) {
		t.Errorf("revoked code: %v", err)
	}
	if _, err := c.ResolveBusinessMessageLink(w.ctx, "NOSUCH"); !errors.Is(err, whatsmeow.ErrBusinessMessageLinkNotFound) {
		t.Errorf("unknown code: %v", err)
	}
	bob := w.phone("491510000002", "Bob")
	bob.SetBusiness("Bob's Bakery")
	shop, err := c.ResolveBusinessMessageLink(w.ctx, bob.ContactLink())
	must(t, err)
	if shop.JID != bob.PN() || shop.VerifiedName != "Bob's Bakery" || !shop.IsSigned {
		t.Errorf("shop %+v", shop)
	}
}

func TestDisappearingDefault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	must(t, c.SetDefaultDisappearingTimer(w.ctx, 24*time.Hour))
	answer, err := w.query(c, "usync", "get", waBinary.Node{
		Tag: "usync", Attrs: waBinary.Attrs{"sid": "1", "mode": "query", "context": "interactive", "last": "true", "index": "0"},
		Content: []waBinary.Node{
			{Tag: "query", Content: []waBinary.Node{{Tag: "disappearing_mode"}}},
			{Tag: "list", Content: []waBinary.Node{{Tag: "user", Attrs: waBinary.Attrs{"jid": alice.PN()}}}},
		},
	})
	must(t, err)
	timer, ok := answer.GetOptionalChildByTag("usync", "list", "user", "disappearing_mode")
	if !ok || timer.Attrs["duration"] != "86400" {
		t.Errorf("answer %s", answer)
	}
}

// TestRequestsWithoutEffect are those that clients send at login or on demand
// and that must not keep them waiting or make them fail.
func TestRequestsWithoutEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	must(t, c.AcceptTOSNotice(w.ctx, "20601218", "5"))
	must(t, c.RegisterForPushNotifications(w.ctx, &whatsmeow.WebPushConfig{Endpoint: "https://example.com"}))
	_, err := c.GetServerPushNotificationConfig(w.ctx)
	must(t, err)
	bots, err := c.GetBotListV2(w.ctx)
	must(t, err)
	channels, err := c.GetSubscribedNewsletters(w.ctx)
	must(t, err)
	if len(bots) != 0 || len(channels) != 0 {
		t.Errorf("%d bots, %d channels", len(bots), len(channels))
	}
	channel := types.NewJID("120363000000000001", types.NewsletterServer)
	var notFound types.GraphQLErrors
	if _, err := c.GetNewsletterInfo(w.ctx, channel); !errors.As(err, &notFound) || notFound[0].Extensions.ErrorCode != 404 {
		t.Errorf("channel: %v", err)
	}
	if _, err := c.GetNewsletterMessages(w.ctx, channel, nil); !errors.Is(err, whatsmeow.ErrIQNotFound) {
		t.Errorf("messages of a channel: %v", err)
	}
	if _, err := c.GetOrderDetails(w.ctx, "1", "dG9rZW4="); !errors.Is(err, whatsmeow.ErrIQNotFound) {
		t.Errorf("order: %v", err)
	}
	props, err := w.query(c, "abt", "get", waBinary.Node{Tag: "props", Attrs: waBinary.Attrs{"protocol": "1"}})
	must(t, err)
	list := props.GetChildByTag("props")
	if !slices.ContainsFunc(list.GetChildrenByTag("prop"), func(n waBinary.Node) bool { return n.Attrs["config_code"] == "10518" }) {
		t.Errorf("props %s", props)
	}
}
