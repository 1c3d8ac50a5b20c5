package evolution_test

import (
	"errors"
	"strings"
	"testing"

	"roost/functions/api/apitest"
	"roost/shared/command"
	"roost/shared/fault"
)

// failures is what a route says of what WhatsApp refuses: where Evolution has a
// sentence of its own, "Error: " and the reason follow. Where it has none, the
// reason stands alone.
var failures = map[string]struct {
	status int
	says   string // of the reason "no"
}{
	"POST /chat/markMessageAsRead":         {500, `["Read messages fail","Error: no"]`},
	"POST /chat/markMessageAsPlayed":       {500, `["Played messages fail","Error: no"]`},
	"POST /chat/archiveChat":               {500, `[{"archived":false,"message":["An error occurred while archiving the chat. Open a calling.","Error: no"]}]`},
	"POST /chat/markChatUnread":            {500, `[{"markedChatUnread":false,"message":["An error occurred while marked unread the chat. Open a calling.","Error: no"]}]`},
	"POST /chat/updateProfileName":         {500, `["Error updating profile name","Error: no"]`},
	"POST /chat/updateProfileStatus":       {500, `["Error updating profile status","Error: no"]`},
	"POST /chat/updateProfilePicture":      {500, `["Error updating profile picture","Error: no"]`},
	"DELETE /chat/removeProfilePicture":    {500, `["Error removing profile picture","Error: no"]`},
	"GET /chat/fetchPrivacySettings":       {500, `["Error fetching privacy settings","Error: no"]`},
	"POST /chat/updatePrivacySettings":     {500, `["Error updating privacy settings","Error: no"]`},
	"POST /chat/updateBlockStatus":         {500, `["Error blocking user","Error: no"]`},
	"POST /message/updateBlockStatus":      {500, `["Error blocking user","Error: no"]`},
	"POST /label/handleLabel":              {400, `["Unable to add label to chat","Error: no"]`},
	"POST /group/create":                   {500, `["Error creating group","Error: no"]`},
	"POST /group/updateGroupSubject":       {500, `["Error updating group subject","Error: no"]`},
	"POST /group/updateGroupDescription":   {500, `["Error updating group description","Error: no"]`},
	"POST /group/updateGroupPicture":       {500, `["Error updating group picture","Error: no"]`},
	"GET /group/findGroupInfos":            {404, `["Error fetching group","Error: no"]`},
	"GET /group/fetchAllGroups":            {404, `["Error fetching group","Error: no"]`},
	"GET /group/participants":              {404, `["No participants","Error: no"]`},
	"GET /group/inviteCode":                {404, `["No invite code","Error: no"]`},
	"GET /group/inviteInfo":                {404, `["No invite info","Error: no"]`},
	"GET /group/acceptInviteCode":          {404, `["Accept invite error","Error: no"]`},
	"POST /group/sendInvite":               {404, `["No send invite","Error: no"]`},
	"POST /group/revokeInviteCode":         {404, `["Revoke error","Error: no"]`},
	"POST /group/updateParticipant":        {400, `["Error updating participants","Error: no"]`},
	"POST /group/updateSetting":            {400, `["Error updating setting","Error: no"]`},
	"POST /group/toggleEphemeral":          {400, `["Error updating setting","Error: no"]`},
	"POST /group/updateMemberAddMode":      {400, `["Error updating setting","Error: no"]`},
	"DELETE /group/leaveGroup":             {400, `["Unable to leave the group","Error: no"]`},
	"POST /instance/setPresence":           {400, `["no"]`},
	"POST /chat/sendPresence":              {400, `["no"]`},
	"POST /chat/fetchProfile":              {400, `["no"]`},
	"POST /chat/fetchProfilePictureUrl":    {400, `["no"]`},
	"POST /chat/fetchBusinessProfile":      {400, `["no"]`},
	"POST /chat/getBase64FromMediaMessage": {400, `["no"]`},
	"POST /chat/updateMessage":             {400, `["no"]`},
}

// TestFailures has WhatsApp, the host and the connection fail each route.
func TestFailures(t *testing.T) {
	t.Parallel()
	w, i := linked(t, apitest.Options{})
	remember(t, w, i)
	fail := func(err error) {
		w.Host.Tell(func(h *apitest.Host) {
			h.Faults = map[command.Kind]error{}
			for _, kind := range []command.Kind{
				command.SendMessage, command.DownloadMedia, command.MarkRead, command.ShowPresence, command.CreateGroup, command.ShowGroup,
				command.ListGroups, command.ChangeGroup, command.MoveMembers, command.LeaveGroup, command.ShowInvite, command.ReadInvite, command.JoinGroup,
				command.ShowPicture, command.SetPicture, command.ShowProfile, command.SetProfile, command.ShowPrivacy, command.SetPrivacy, command.Block,
				command.MarkChat, command.LabelChat,
			} {
				h.Faults[kind] = err
			}
		})
	}
	for _, c := range everyRoute {
		if c.closed != 500 {
			continue
		}
		method, path, _ := strings.Cut(c.route, " ")
		path += "/a"
		if c.query != "" {
			path += "?" + c.query
		}
		said, own := failures[c.route]
		if !own { // sends, whose errors of WhatsApp are 400
			said.status, said.says = 400, `["no"]`
		}
		for _, f := range []struct {
			name   string
			err    error
			status int
			says   string
		}{
			{"refused", fault.New(fault.Invalid, "no"), said.status, said.says},
			{"closed", fault.Coded(fault.Conflict, "connection_closed", "Connection Closed"), 500, `"Connection Closed"`},
			{"too soon", fault.New(fault.RateLimited, "not so fast"), 429, `["not so fast"]`},
			{"a fault of ours", errors.New("table: secret"), 500, `"Internal Server Error"`},
		} {
			fail(f.err)
			a := w.Do(t, method, path, "t", strings.ReplaceAll(c.body, "{picture}", picture(t)))
			reason := map[int]string{400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}[f.status]
			status := map[int]string{400: "400", 404: "404", 429: "429", 500: "500"}[f.status]
			want(t, c.route+" "+f.name, a, f.status, `{"status":`+status+`,"error":"`+reason+`","response":{"message":`+f.says+`}}`)
		}
	}
}
