package evolution

import (
	"net/http"
	"net/url"
	"strings"
)

// guard is who may use a route.
type guard int

const (
	guardNone     guard = iota // everybody
	guardAdmin                 // the admin key
	guardKey                   // some key; the route looks closer
	guardInstance              // the instance must exist, then the admin key or its token
)

type route struct {
	guard guard
	serve func(*Handler, *request) (answer, error)
}

// routes are keyed by method and path in lower case, ":i" being an instance's
// name and ":id" something that it has.
var routes = map[string]route{
	"GET ":                                    {guardNone, (*Handler).welcome},
	"POST verify-creds":                       {guardAdmin, (*Handler).verifyCredentials},
	"POST instance/create":                    {guardNone, (*Handler).create}, // a taken name is told before the key is looked at
	"GET instance/fetchinstances":             {guardKey, (*Handler).fetchInstances},
	"GET instance/connect/:i":                 {guardInstance, (*Handler).connect},
	"GET instance/connectionstate/:i":         {guardInstance, (*Handler).connectionState},
	"POST instance/restart/:i":                {guardInstance, (*Handler).restart},
	"PUT instance/restart/:i":                 {guardInstance, (*Handler).restart}, // as the documentation says
	"DELETE instance/logout/:i":               {guardInstance, (*Handler).logout},
	"DELETE instance/delete/:i":               {guardInstance, (*Handler).remove},
	"POST webhook/set/:i":                     {guardInstance, (*Handler).setWebhook},
	"GET webhook/find/:i":                     {guardInstance, (*Handler).findWebhook},
	"POST proxy/set/:i":                       {guardInstance, (*Handler).setProxy},
	"GET proxy/find/:i":                       {guardInstance, (*Handler).findProxy},
	"POST settings/set/:i":                    {guardInstance, (*Handler).setSettings},
	"GET settings/find/:i":                    {guardInstance, (*Handler).findSettings},
	"POST message/sendtext/:i":                {guardInstance, (*Handler).sendText},
	"POST message/sendmedia/:i":               {guardInstance, (*Handler).sendMedia},
	"POST message/sendptv/:i":                 {guardInstance, (*Handler).sendPtv},
	"POST message/sendwhatsappaudio/:i":       {guardInstance, (*Handler).sendVoice},
	"POST message/sendsticker/:i":             {guardInstance, (*Handler).sendSticker},
	"POST message/sendlocation/:i":            {guardInstance, (*Handler).sendLocation},
	"POST message/sendcontact/:i":             {guardInstance, (*Handler).sendContact},
	"POST message/sendreaction/:i":            {guardInstance, (*Handler).sendReaction},
	"POST message/sendpoll/:i":                {guardInstance, (*Handler).sendPoll},
	"POST message/sendlist/:i":                {guardInstance, (*Handler).sendList},
	"POST message/sendbuttons/:i":             {guardInstance, (*Handler).sendButtons},
	"POST message/sendstatus/:i":              {guardInstance, (*Handler).sendStatus},
	"POST message/sendtemplate/:i":            {guardInstance, (*Handler).sendTemplate},
	"POST chat/updatemessage/:i":              {guardInstance, (*Handler).updateMessage},
	"DELETE chat/deletemessageforeveryone/:i": {guardInstance, (*Handler).deleteMessage},
	"POST call/offer/:i":                      {guardInstance, (*Handler).offerCall},
	"POST chat/whatsappnumbers/:i":            {guardInstance, (*Handler).whatsappNumbers},
	"POST chat/findmessages/:i":               {guardInstance, (*Handler).findMessages},
	"POST chat/findchats/:i":                  {guardInstance, (*Handler).findChats},
	"GET chat/findchatbyremotejid/:i":         {guardInstance, (*Handler).findChatByJID},
	"POST chat/getbase64frommediamessage/:i":  {guardInstance, (*Handler).getFile},
	"POST chat/getpollvote/:i":                {guardInstance, (*Handler).getVotes},
	"POST chat/findcontacts/:i":               {guardInstance, (*Handler).findContacts},
	"POST chat/findstatusmessage/:i":          {guardInstance, (*Handler).findStatusMessage},
	"POST chat/checkiswhatsappnumber/:i":      {guardInstance, (*Handler).whatsappNumbers}, // so the Python client calls it
	"POST chat/markmessageasread/:i":          {guardInstance, (*Handler).markRead},
	"POST chat/markmessageasplayed/:i":        {guardInstance, (*Handler).markPlayed},
	"POST chat/archivechat/:i":                {guardInstance, (*Handler).archiveChat},
	"POST chat/markchatunread/:i":             {guardInstance, (*Handler).markUnread},
	"POST chat/sendpresence/:i":               {guardInstance, (*Handler).sendPresence},
	"POST instance/setpresence/:i":            {guardInstance, (*Handler).setPresence},
	"POST chat/fetchprofilepictureurl/:i":     {guardInstance, (*Handler).fetchPicture},
	"POST chat/fetchprofile/:i":               {guardInstance, (*Handler).fetchProfile},
	"POST chat/fetchbusinessprofile/:i":       {guardInstance, (*Handler).fetchBusinessProfile},
	"POST chat/updateprofilename/:i":          {guardInstance, (*Handler).updateProfileName},
	"POST chat/updateprofilestatus/:i":        {guardInstance, (*Handler).updateProfileStatus},
	"POST chat/updateprofilepicture/:i":       {guardInstance, (*Handler).updateProfilePicture},
	"DELETE chat/removeprofilepicture/:i":     {guardInstance, (*Handler).removeProfilePicture},
	"GET chat/fetchprivacysettings/:i":        {guardInstance, (*Handler).fetchPrivacy},
	"POST chat/updateprivacysettings/:i":      {guardInstance, (*Handler).updatePrivacy},
	"POST chat/updateblockstatus/:i":          {guardInstance, (*Handler).updateBlockStatus},
	"POST message/updateblockstatus/:i":       {guardInstance, (*Handler).updateBlockStatus}, // as the documentation says
	"POST label/handlelabel/:i":               {guardInstance, (*Handler).handleLabel},
	"GET label/findlabels/:i":                 {guardInstance, (*Handler).findLabels},
	"POST group/create/:i":                    {guardInstance, (*Handler).createGroup},
	"GET group/findgroupinfos/:i":             {guardInstance, (*Handler).findGroup},
	"GET group/fetchallgroups/:i":             {guardInstance, (*Handler).listGroups},
	"GET group/participants/:i":               {guardInstance, (*Handler).groupMembers},
	"POST group/updateparticipant/:i":         {guardInstance, (*Handler).updateParticipant},
	"POST group/updategroupsubject/:i":        {guardInstance, (*Handler).updateGroupSubject},
	"POST group/updategroupdescription/:i":    {guardInstance, (*Handler).updateGroupDescription},
	"POST group/updategrouppicture/:i":        {guardInstance, (*Handler).updateGroupPicture},
	"POST group/updatesetting/:i":             {guardInstance, (*Handler).updateGroupSetting},
	"POST group/toggleephemeral/:i":           {guardInstance, (*Handler).toggleEphemeral},
	"POST group/updatememberaddmode/:i":       {guardInstance, (*Handler).updateMemberAddMode},
	"GET group/invitecode/:i":                 {guardInstance, (*Handler).inviteCode},
	"GET group/inviteinfo/:i":                 {guardInstance, (*Handler).inviteInfo},
	"GET group/acceptinvitecode/:i":           {guardInstance, (*Handler).acceptInviteCode},
	"POST group/revokeinvitecode/:i":          {guardInstance, (*Handler).revokeInviteCode},
	"POST group/sendinvite/:i":                {guardInstance, (*Handler).sendInvite},
	"DELETE group/leavegroup/:i":              {guardInstance, (*Handler).leaveGroup},

	// Roost's own.
	"POST media/:i":            {guardInstance, (*Handler).makeUpload},
	"GET instance/qr/:i":       {guardInstance, (*Handler).showQR},
	"GET instance/passkey/:i":  {guardInstance, (*Handler).showPasskey},
	"POST instance/passkey/:i": {guardInstance, (*Handler).answerPasskey},
	"POST instance/archive/:i": {guardInstance, (*Handler).exportArchive},
	"GET instance/archive/:i":  {guardNone, (*Handler).showArchive}, // the instance is gone: it looks itself

	"GET webhook/endpoints/:i":        {guardInstance, (*Handler).listEndpoints},
	"POST webhook/endpoints/:i":       {guardInstance, (*Handler).addEndpoint},
	"GET webhook/endpoints/:i/:id":    {guardInstance, (*Handler).showEndpoint},
	"PUT webhook/endpoints/:i/:id":    {guardInstance, (*Handler).changeEndpoint},
	"DELETE webhook/endpoints/:i/:id": {guardInstance, (*Handler).removeEndpoint},
	"POST webhook/rotate/:i/:id":      {guardInstance, (*Handler).rotateEndpoint},
	"GET webhook/default":             {guardAdmin, (*Handler).showDefault},
	"PUT webhook/default":             {guardAdmin, (*Handler).setDefault},
	"DELETE webhook/default":          {guardAdmin, (*Handler).removeDefault},
	"POST webhook/rotatedefault":      {guardAdmin, (*Handler).rotateDefault},
	"GET webhook/deliveries/:i":       {guardInstance, (*Handler).listDeliveries},
	"GET webhook/deliveries/:i/:id":   {guardInstance, (*Handler).showDelivery},
	"POST webhook/replay/:i":          {guardInstance, (*Handler).replay},
}

// match finds the route of a request, and the names in its path: an instance's
// and that of something it has. Like Express it takes paths in any case and with
// a slash at the end.
func match(r *http.Request) (found route, name, item string, err error) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	path = strings.TrimSuffix(path, "/")
	parts := strings.Split(path, "/")
	if found, ok := under(method + " " + strings.ToLower(path)); ok && len(parts) < 3 {
		return found, "", "", nil
	}
	if found, ok := routes[method+" "+strings.ToLower(parts[0])+"/:i"]; ok && len(parts) == 2 && parts[1] != "" {
		name, err := unescaped(parts[1])
		return found, name, "", err
	}
	if (len(parts) == 3 || len(parts) == 4 && parts[3] != "") && parts[2] != "" {
		names := [2]string{}
		for n, part := range parts[2:] {
			if names[n], err = unescaped(part); err != nil {
				return route{}, "", "", err
			}
		}
		prefix := method + " " + strings.ToLower(parts[0]+"/"+parts[1])
		if len(parts) == 3 {
			if found, ok := under(prefix + "/:i"); ok {
				return found, names[0], "", nil
			}
		} else if found, ok := under(prefix + "/:i/:id"); ok {
			return found, names[0], names[1], nil
		} else if found, ok := under(prefix + "/:id/:i"); ok {
			return found, names[1], names[0], nil
		}
	}
	raw := r.RequestURI
	if !strings.HasPrefix(raw, "/") {
		raw = r.URL.RequestURI()
	}
	return route{}, "", "", &problem{status: http.StatusNotFound, message: []string{"Cannot " + r.Method + " " + raw}}
}

// under is a route, served or refused.
func under(pattern string) (route, bool) {
	found, ok := routes[pattern]
	if !ok {
		found, ok = unserved[pattern]
	}
	return found, ok
}

func unescaped(part string) (string, error) {
	name, err := url.PathUnescape(part)
	if err != nil {
		return "", &problem{status: http.StatusBadRequest, reason: internalReason, message: "Failed to decode param '" + part + "'"}
	}
	return name, nil
}
