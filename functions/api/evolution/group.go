package evolution

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"roost/functions/api/core"
	"roost/functions/api/evolution/metadata"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/group"
)

// about puts an error into the words that a route has for what its library
// throws: a sentence of its own and the error's, under a status of its own. An
// instance that is not connected, and what may be tried again, keep theirs:
// under Evolution's 404 programs would take a lost connection for a group that
// is gone.
func about(err error, status int, sentence string) error {
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code == "connection_closed" || e.Kind == fault.Unavailable || e.Kind == fault.RateLimited || e.Kind == fault.Internal {
		return err
	}
	return &problem{status: status, message: []string{sentence, "Error: " + fault.PublicOf(err)}}
}

// ofGroup finds the group that the body or the query names, and then checks the
// body.
func (r *request) ofGroup(s schema) (id string, fields map[string]any, err error) {
	fields = r.body.object()
	if fields == nil {
		fields = map[string]any{}
		r.body.value = fields
	}
	id, _ = fields["groupJid"].(string)
	if id == "" {
		id = r.URL.Query().Get("groupJid")
	}
	if id == "" {
		return "", nil, refuse("The group id needs to be informed in the query", `ex: "groupJid=120362@g.us"`)
	}
	id = core.GroupJID(id)
	fields["groupJid"] = id
	return id, fields, s.validateFlat(&r.body)
}

// invite finds the invite code that the query names; links are taken too.
func (r *request) invite() (string, error) {
	code := strings.TrimPrefix(r.URL.Query().Get("inviteCode"), core.InvitePrefix)
	if code == "" {
		return "", refuse("The group invite code id needs to be informed in the query",
			`ex: "inviteCode=F1EX5QZxO181L3TMVP31gY" (Obtained from group join link)`)
	}
	return code, inviteBody.validateFlat(&body{value: map[string]any{"inviteCode": code}})
}

func (h *Handler) createGroup(r *request) (answer, error) {
	if err := createGroupBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	g, err := h.core.CreateGroup(r.Context(), r.instance, core.NewGroup{
		Subject: str(fields, "subject"), Description: str(fields, "description"), Numbers: strs(fields, "participants"),
		Promote: boolean(fields, "promoteParticipants"),
	})
	if err != nil {
		return answer{}, about(err, http.StatusInternalServerError, "Error creating group")
	}
	return created(metadata.Raw(g))
}

func (h *Handler) findGroup(r *request) (answer, error) {
	id, _, err := r.ofGroup(groupBody)
	if err != nil {
		return answer{}, err
	}
	g, err := h.core.Group(r.Context(), r.instance, id, true)
	if err != nil {
		return answer{}, about(err, http.StatusNotFound, "Error fetching group")
	}
	return ok(metadata.Shown(g, true))
}

func (h *Handler) listGroups(r *request) (answer, error) {
	wanted := r.URL.Query().Get("getParticipants")
	if wanted == "" {
		return answer{}, refuse("The getParticipants needs to be informed in the query")
	}
	if err := listGroupsBody.validateFlat(&body{value: map[string]any{"getParticipants": wanted}}); err != nil {
		return answer{}, err
	}
	members := wanted == "true"
	all, err := h.core.Groups(r.Context(), r.instance, members, true)
	if err != nil {
		return answer{}, about(err, http.StatusNotFound, "Error fetching group")
	}
	out := make([]metadata.Group, len(all))
	for n, g := range all {
		out[n] = metadata.Shown(g, members)
	}
	return ok(out)
}

func (h *Handler) groupMembers(r *request) (answer, error) {
	id, _, err := r.ofGroup(groupBody)
	if err != nil {
		return answer{}, err
	}
	g, err := h.core.Group(r.Context(), r.instance, id, false)
	if err != nil {
		return answer{}, about(err, http.StatusNotFound, "No participants")
	}
	known, err := h.core.Known(r.Context(), r.instance, g.Members)
	if err != nil {
		return answer{}, err
	}
	members := metadata.Members(g)
	for n := range members {
		members[n].Name, members[n].Picture = known[n].Name(), known[n].Picture
	}
	return ok(map[string]any{"participants": members})
}

// changeGroup does what its body says to what a group says of itself.
func (h *Handler) changeGroup(r *request, s schema, status int, sentence string, read func(map[string]any) group.Settings) error {
	id, fields, err := r.ofGroup(s)
	if err != nil {
		return err
	}
	if err := h.core.ChangeGroup(r.Context(), r.instance, id, read(fields)); err != nil {
		return about(err, status, sentence)
	}
	return nil
}

var updateSuccess = map[string]string{"update": "success"}

func (h *Handler) updateGroupSubject(r *request) (answer, error) {
	err := h.changeGroup(r, groupSubjectBody, http.StatusInternalServerError, "Error updating group subject", func(f map[string]any) group.Settings {
		return group.Settings{Subject: new(str(f, "subject"))}
	})
	return answer{status: http.StatusCreated, value: updateSuccess}, err
}

func (h *Handler) updateGroupDescription(r *request) (answer, error) {
	err := h.changeGroup(r, groupDescriptionBody, http.StatusInternalServerError, "Error updating group description", func(f map[string]any) group.Settings {
		return group.Settings{Description: new(str(f, "description"))}
	})
	return answer{status: http.StatusCreated, value: updateSuccess}, err
}

func (h *Handler) updateGroupSetting(r *request) (answer, error) {
	err := h.changeGroup(r, groupSettingBody, http.StatusBadRequest, "Error updating setting", func(f map[string]any) group.Settings {
		switch action := str(f, "action"); action {
		case "announcement", "not_announcement":
			return group.Settings{Announce: new(action == "announcement")}
		default:
			return group.Settings{Locked: new(action == "locked")}
		}
	})
	return answer{status: http.StatusCreated, value: struct{}{}}, err
}

func (h *Handler) toggleEphemeral(r *request) (answer, error) {
	err := h.changeGroup(r, groupTimerBody, http.StatusBadRequest, "Error updating setting", func(f map[string]any) group.Settings {
		return group.Settings{Ephemeral: new(integer(f, "expiration"))}
	})
	return answer{status: http.StatusCreated, value: map[string]bool{"success": true}}, err
}

func (h *Handler) updateMemberAddMode(r *request) (answer, error) {
	err := h.changeGroup(r, groupModeBody, http.StatusBadRequest, "Error updating setting", func(f map[string]any) group.Settings {
		return group.Settings{MembersAdd: new(str(f, "mode") == "all_member_add")}
	})
	return answer{status: http.StatusCreated, value: struct{}{}}, err
}

func (h *Handler) updateGroupPicture(r *request) (answer, error) {
	id, fields, err := r.ofGroup(groupPictureBody)
	if err != nil {
		return answer{}, err
	}
	if err := h.setPicture(r, id, str(fields, "image")); err != nil {
		return answer{}, about(err, http.StatusInternalServerError, "Error updating group picture")
	}
	return created(updateSuccess)
}

// movedRow says what became of one participant.
type movedRow struct {
	Status  string `json:"status"` // 200, or WhatsApp's code
	JID     string `json:"jid"`
	Content struct {
		Tag   string            `json:"tag"`
		Attrs map[string]string `json:"attrs"`
	} `json:"content"`
}

func (h *Handler) updateParticipant(r *request) (answer, error) {
	id, fields, err := r.ofGroup(groupMembersBody)
	if err != nil {
		return answer{}, err
	}
	moved, err := h.core.MoveMembers(r.Context(), r.instance, id, str(fields, "action"), strs(fields, "participants"))
	if err != nil {
		return answer{}, about(err, http.StatusBadRequest, "Error updating participants")
	}
	out := make([]movedRow, len(moved))
	for n, m := range moved {
		row := &out[n]
		row.Status, row.JID = strconv.Itoa(m.Status), m.Address.String()
		row.Content.Tag, row.Content.Attrs = "participant", map[string]string{"jid": m.Address.Key()}
		if m.Address.LID != "" && m.Address.PN != "" {
			row.Content.Attrs["phone_number"] = m.Address.PN
		}
		if m.Status != http.StatusOK {
			row.Content.Attrs["error"] = row.Status
		}
	}
	return created(map[string]any{"updateParticipants": out})
}

func (h *Handler) leaveGroup(r *request) (answer, error) {
	id, _, err := r.ofGroup(groupBody)
	if err != nil {
		return answer{}, err
	}
	if err := h.core.LeaveGroup(r.Context(), r.instance, id); err != nil {
		return answer{}, about(err, http.StatusBadRequest, "Unable to leave the group")
	}
	return ok(map[string]any{"groupJid": id, "leave": true})
}

func (h *Handler) inviteCode(r *request) (answer, error) {
	id, _, err := r.ofGroup(groupBody)
	if err != nil {
		return answer{}, err
	}
	code, err := h.core.InviteCode(r.Context(), r.instance, id, false)
	if err != nil {
		return answer{}, about(err, http.StatusNotFound, "No invite code")
	}
	return ok(map[string]string{"inviteUrl": core.InvitePrefix + code, "inviteCode": code})
}

func (h *Handler) revokeInviteCode(r *request) (answer, error) {
	id, _, err := r.ofGroup(groupBody)
	if err != nil {
		return answer{}, err
	}
	code, err := h.core.InviteCode(r.Context(), r.instance, id, true)
	if err != nil {
		return answer{}, about(err, http.StatusNotFound, "Revoke error")
	}
	return created(map[string]any{"revoked": true, "inviteCode": code})
}

func (h *Handler) inviteInfo(r *request) (answer, error) {
	code, err := r.invite()
	if err != nil {
		return answer{}, err
	}
	g, err := h.core.Invited(r.Context(), r.instance, code)
	if err != nil {
		return answer{}, about(err, http.StatusNotFound, "No invite info")
	}
	return ok(metadata.Raw(g))
}

func (h *Handler) acceptInviteCode(r *request) (answer, error) {
	code, err := r.invite()
	if err != nil {
		return answer{}, err
	}
	id, err := h.core.JoinGroup(r.Context(), r.instance, code)
	if err != nil {
		return answer{}, about(err, http.StatusNotFound, "Accept invite error")
	}
	return ok(map[string]any{"accepted": true, "groupJid": id})
}

// sendInvite writes a group's link to people, one after the other.
func (h *Handler) sendInvite(r *request) (answer, error) {
	id, fields, err := r.ofGroup(groupSendBody)
	if err != nil {
		return answer{}, err
	}
	code, err := h.core.InviteCode(r.Context(), r.instance, id, false)
	if err != nil {
		return answer{}, about(err, http.StatusNotFound, "No send invite")
	}
	link := core.InvitePrefix + code
	for _, number := range strs(fields, "numbers") {
		text := &command.TextArgs{Text: str(fields, "description") + "\n\n" + link}
		out := core.Outgoing{Number: number, Args: command.SendArgs{Text: text}, LinkPreview: true}
		if _, err := h.core.Send(r.Context(), r.instance, out); err != nil {
			return answer{}, about(err, http.StatusNotFound, "No send invite")
		}
	}
	return ok(map[string]any{"send": true, "inviteUrl": link})
}
