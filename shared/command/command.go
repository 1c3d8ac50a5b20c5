// Package command is what the API asks of the session host that owns an
// instance, and how it gets its answer: the command goes onto a queue, the
// result comes back as an item of the table. A command has an id; a host that
// sees an id again gives the first answer and does nothing twice.
package command

import (
	"encoding/json"
	"fmt"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
)

// Kind says what is to be done.
type Kind string

// The kinds with their argument and result types. Append-only.
const (
	Connect        Kind = "connect"        // ConnectArgs -> Status: open the connection, begin a pairing
	Disconnect     Kind = "disconnect"     // nothing -> Status: close it, keep the keys
	Restart        Kind = "restart"        // nothing -> Status: close and open it
	Logout         Kind = "logout"         // nothing -> Status: unlink the phone, keys go
	Delete         Kind = "delete"         // nothing -> Status: log out if linked, drop the connection and the keys
	AnswerPasskey  Kind = "answerPasskey"  // PasskeyArgs -> Status
	ConfirmPasskey Kind = "confirmPasskey" // nothing -> Status
	SendMessage    Kind = "sendMessage"    // SendArgs -> Sent
	CheckNumbers   Kind = "checkNumbers"   // CheckArgs -> Checked
	Recover        Kind = "recover"        // nothing -> Recovered: be logged in with the stored keys
	Release        Kind = "release"        // ReleaseArgs: give up a connection that is idle, keep the keys
	TestProxy      Kind = "testProxy"      // TestProxyArgs: reach WhatsApp through a proxy; of no instance yet
	DownloadMedia  Kind = "downloadMedia"  // DownloadArgs: put the file of a message into the bucket
	Apply          Kind = "apply"          // nothing -> Status: settings have changed, take them up
	Take           Kind = "take"           // nothing, and no answer: a host has released the instance, take it
	MarkRead       Kind = "markRead"       // MarkReadArgs: tell who wrote messages that they are read
	ShowPresence   Kind = "showPresence"   // PresenceArgs
	WatchPresence  Kind = "watchPresence"  // WatchArgs: have WhatsApp tell of somebody's presence

	CreateGroup Kind = "createGroup" // CreateGroupArgs -> group.Group
	ShowGroup   Kind = "showGroup"   // GroupArgs -> group.Group
	ListGroups  Kind = "listGroups"  // ListGroupsArgs -> Groups
	ChangeGroup Kind = "changeGroup" // ChangeGroupArgs
	MoveMembers Kind = "moveMembers" // MoveMembersArgs -> Moved
	LeaveGroup  Kind = "leaveGroup"  // GroupArgs
	ShowInvite  Kind = "showInvite"  // InviteArgs -> InviteCode
	ReadInvite  Kind = "readInvite"  // InviteCode -> group.Group: what it leads to
	JoinGroup   Kind = "joinGroup"   // InviteCode -> JoinedGroup

	ShowPicture  Kind = "showPicture"  // PersonArgs -> Picture
	FetchPicture Kind = "fetchPicture" // PersonArgs -> PictureFile
	SetPicture   Kind = "setPicture"   // SetPictureArgs
	ShowProfile  Kind = "showProfile"  // PersonArgs -> Profile
	SetProfile   Kind = "setProfile"   // SetProfileArgs
	ShowPrivacy  Kind = "showPrivacy"  // nothing -> Privacy
	SetPrivacy   Kind = "setPrivacy"   // Privacy -> Privacy
	Block        Kind = "block"        // BlockArgs
	MarkChat     Kind = "markChat"     // MarkChatArgs
	LabelChat    Kind = "labelChat"    // LabelChatArgs
)

// Command is one request to a session host.
type Command struct {
	ID       string          `json:"id"`
	Instance instance.ID     `json:"instance"`
	Kind     Kind            `json:"kind"`
	Args     json.RawMessage `json:"args,omitempty"`
	// ArgsBlob is where Args are when they are too large for a queue.
	ArgsBlob string `json:"argsBlob,omitempty"`
	// Deadline is when nobody waits for the answer any more: a host drops what
	// is past it, unless it was begun before.
	Deadline time.Time `json:"deadline"`
	// Aside is for what takes its time on purpose: commands of the instance that
	// come after it do not wait for it.
	Aside bool `json:"aside,omitempty"`
	// Try counts how often the caller has sent it, to a new owner each time.
	Try int `json:"try,omitempty"`
	// Hops counts how often hosts have passed it on.
	Hops int `json:"hops,omitempty"`
}

// deduplication tells the ways of a command through one queue apart.
func (c Command) deduplication() string {
	if c.Try == 0 && c.Hops == 0 {
		return c.ID
	}
	return fmt.Sprintf("%s.%d.%d", c.ID, c.Try, c.Hops)
}

// Result is a host's answer: a value or a fault.
type Result struct {
	ID    string          `json:"id"`
	Value json.RawMessage `json:"value,omitempty"`
	Fault *Fault          `json:"fault,omitempty"`
}

// Fault is a fault.Error as it crosses the table: without its cause.
type Fault struct {
	Kind   fault.Kind `json:"kind"`
	Code   string     `json:"code,omitempty"`
	Public string     `json:"public"`
}

// Err gives back the fault, nil when there is none.
func (r Result) Err() error {
	if r.Fault == nil {
		return nil
	}
	return &fault.Error{Kind: r.Fault.Kind, Code: r.Fault.Code, Public: r.Fault.Public}
}

// ConnectArgs begin a connection.
type ConnectArgs struct {
	// Number asks for a pairing code for this phone, digits. "" shows QR codes
	// only, unless the instance has a number of its own.
	Number string `json:"number,omitempty"`
}

// Status is where an instance stands after a command.
type Status struct {
	State instance.State  `json:"state"`
	Ready bool            `json:"ready"`
	Offer *instance.Offer `json:"offer,omitempty"` // while it is pairing
}

// Recovered is the answer to Recover: the instance is logged in.
type Recovered struct {
	Reused  bool           `json:"reused"`  // it was so already
	Elapsed time.Duration  `json:"elapsed"` // on the host
	State   instance.State `json:"state"`
	Ready   bool           `json:"ready"`
	JID     string         `json:"jid"`
}

// TestProxyArgs carry a proxy as the instance would have it: its credentials
// are sealed for Instance.
type TestProxyArgs struct {
	Instance instance.ID    `json:"instance"`
	Proxy    instance.Proxy `json:"proxy"`
}

// ReleaseArgs say why an idle connection is given up.
type ReleaseArgs struct {
	Reason instance.Reason `json:"reason"`
}

// PasskeyArgs carry an authenticator's answer: the JSON of a WebAuthn
// AuthenticationResponse.
type PasskeyArgs struct {
	Response json.RawMessage `json:"response"`
}

// DownloadArgs say which file and where to.
type DownloadArgs struct {
	Message message.Message `json:"message"` // with Media and Content
	Blob    string          `json:"blob"`    // key in the bucket
}

// Sent is the answer to SendMessage: the message as the event says it. Its
// body is a message.Message.
type Sent struct {
	Message json.RawMessage `json:"message"`
}

// CheckArgs ask whether numbers are on WhatsApp.
type CheckArgs struct {
	Numbers []string `json:"numbers"` // digits
}

// Checked says which are, in the order asked.
type Checked struct {
	Numbers []CheckedNumber `json:"numbers"`
}

// CheckedNumber is the answer for one number.
type CheckedNumber struct {
	Number string `json:"number"` // as asked
	Exists bool   `json:"exists"`
	PN     string `json:"pn,omitempty"`
	LID    string `json:"lid,omitempty"`
	Name   string `json:"name,omitempty"`
}
