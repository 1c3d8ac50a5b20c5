package aspx

import (
	"net/http"
	"slices"
)

// Bounds of bodies in bytes: of most commands, and of those with a file of up
// to maxFile, which grows by a third in base64.
const (
	maxBody     = 1 << 20
	maxFile     = 16 << 20
	maxFileBody = maxFile/3*4 + maxBody
)

// action is one of the dialect's.
type action struct {
	methods []string
	acts    bool // changes something, so that a browser must not guess it
	file    bool
	pass    string // what a pass may stand for the key for, "" for nothing
	serve   func(*Handler, *request) (answer, error)
}

func (c action) takes(method string) bool { return slices.Contains(c.methods, method) }

func (c action) limit() int64 {
	if c.file {
		return maxFileBody
	}
	return maxBody
}

var (
	get    = []string{http.MethodGet}
	post   = []string{http.MethodPost}
	either = []string{http.MethodGet, http.MethodPost}
)

// commands by name. Those that act on GET, as the original has it, take POST
// too.
var commands = map[string]action{
	"generate_qrcode": {methods: post, acts: true, serve: (*Handler).generateQRCode},
	"status":          {methods: get, serve: (*Handler).status},
	"disconnect":      {methods: either, acts: true, serve: (*Handler).disconnect},
	"close_session":   {methods: either, acts: true, serve: (*Handler).closeSession},
	"save_session":    {methods: either, acts: true, serve: (*Handler).saveSession},
	"restore_session": {methods: either, acts: true, serve: (*Handler).restoreSession},
	"clear":           {methods: either, acts: true, serve: (*Handler).clear},
	"set_config":      {methods: post, acts: true, serve: (*Handler).setConfig},

	"chats":             {methods: get, serve: (*Handler).chats},
	"contacts":          {methods: get, serve: (*Handler).contacts},
	"get_profile":       {methods: post, serve: (*Handler).getProfile},
	"query_profile":     {methods: post, serve: (*Handler).queryProfile},
	"send_message":      {methods: post, acts: true, serve: (*Handler).sendMessage},
	"send_message_file": {methods: post, acts: true, file: true, serve: (*Handler).sendMessageFile},

	"get_picture":   {methods: get, pass: passPicture, serve: (*Handler).getPicture},
	"group_add":     {methods: post, acts: true, serve: (*Handler).addToGroup},
	"group_create":  {methods: post, acts: true, serve: (*Handler).createGroup},
	"group_remove":  {methods: post, acts: true, serve: (*Handler).removeFromGroup},
	"mark_read":     {methods: post, acts: true, serve: (*Handler).markRead},
	"send_contact":  {methods: post, acts: true, serve: (*Handler).sendContact},
	"send_presence": {methods: post, acts: true, serve: (*Handler).sendPresence},
	"subscribe":     {methods: post, acts: true, serve: (*Handler).subscribe},
}
