package simulator

import "roost/simulator/wire"

// iqHandlers names, for each request of a client, who answers it. A handler
// runs on the stream's read loop and must not wait for the client. Requests
// that are not here get an empty result and a line in the log.
var iqHandlers map[iq]func(*stream, *wire.Node)

func init() { // not at the declaration: the handlers lead back to the table
	iqHandlers = map[iq]func(*stream, *wire.Node){
		// keepalive; some clients send a <ping/>, some nothing
		{"w:p", "get", ""}: (*stream).ping,

		// pairing and the end of it
		{"md", "set", "link_code_companion_reg"}:   (*stream).linkCode,
		{"md", "set", "remove-companion-device"}:   (*stream).removeCompanion,
		{"md", "get", "ref"}:                       (*stream).companionRef,
		{"md", "get", "passkey_request_options"}:   (*stream).passkeyOptions,
		{"md", "set", "passkey_prologue"}:          (*stream).passkeyPrologue,
		{"md", "set", "companion_nonce"}:           (*stream).passkeyNonce,
		{"md", "set", "encrypted_pairing_request"}: (*stream).passkeyRequest,

		// keys and the flow of messages
		{"encrypt", "get", "count"}:   (*stream).countPreKeys,
		{"encrypt", "get", "digest"}:  (*stream).digestPreKeys,
		{"encrypt", "get", "key"}:     (*stream).fetchPreKeys,
		{"encrypt", "set", "rotate"}:  (*stream).rotateSignedPreKey,
		{"encrypt", "set", ""}:        (*stream).uploadPreKeys,
		{"passive", "set", "active"}:  (*stream).becomeActive,
		{"passive", "set", "passive"}: (*stream).becomePassive,

		// people
		{"usync", "get", ""}:                 (*stream).usync,
		{"w:profile:picture", "get", ""}:     (*stream).getPicture,
		{"w:profile:picture", "set", ""}:     (*stream).setPicture,
		{"status", "get", "privacy"}:         (*stream).getStatusPrivacy,
		{"status", "set", ""}:                (*stream).setAbout,
		{"privacy", "get", ""}:               (*stream).getPrivacy,
		{"privacy", "set", "privacy"}:        (*stream).setPrivacy,
		{"privacy", "set", "tokens"}:         (*stream).setTokens,
		{"blocklist", "get", ""}:             (*stream).getBlocklist,
		{"blocklist", "set", ""}:             (*stream).setBlocklist,
		{"disappearing_mode", "set", ""}:     (*stream).setDisappearing,
		{"w:qr", "get", ""}:                  (*stream).resolveLink,
		{"w:qr", "set", ""}:                  (*stream).contactLink,
		{"w:biz", "get", "business_profile"}: (*stream).getBusiness,

		// what belongs to the account and to its client
		{"w:mex", "get", ""}:                   (*stream).mex,
		{"w:mex", "set", ""}:                   (*stream).mex,
		{"newsletter", "get", ""}:              (*stream).notFound,
		{"newsletter", "set", ""}:              (*stream).notFound,
		{"w:b", "get", ""}:                     (*stream).notFound, // broadcast lists
		{"fb:thrift_iq", "get", ""}:            (*stream).notFound, // orders
		{"bot", "get", ""}:                     (*stream).listBots,
		{"abt", "get", ""}:                     (*stream).getProps,
		{"tos", "get", ""}:                     (*stream).done,
		{"tos", "set", ""}:                     (*stream).done,
		{"urn:xmpp:whatsapp:push", "get", ""}:  (*stream).getPushConfig,
		{"urn:xmpp:whatsapp:push", "set", ""}:  (*stream).done,
		{"urn:xmpp:whatsapp:dirty", "set", ""}: (*stream).clean,
		{"w:sync:app:state", "set", ""}:        (*stream).syncAppState,
		{"w:stats", "set", ""}:                 (*stream).done,
		{"w:stats", "", ""}:                    (*stream).done, // Baileys names no type

		// groups
		{"w:g2", "get", "query"}:                        onGroup((*Group).info),
		{"w:g2", "get", "participating"}:                (*stream).joinedGroups,
		{"w:g2", "set", "create"}:                       (*stream).createGroup,
		{"w:g2", "set", "leave"}:                        (*stream).leaveGroups,
		{"w:g2", "set", "add"}:                          memberChange((*Group).add),
		{"w:g2", "set", "remove"}:                       memberChange((*Group).remove),
		{"w:g2", "set", "promote"}:                      memberChange((*Group).promote),
		{"w:g2", "set", "demote"}:                       memberChange((*Group).demote),
		{"w:g2", "set", "revoke"}:                       memberChange((*Group).revokeTickets),
		{"w:g2", "set", "subject"}:                      onGroup((*Group).setSubjectNode),
		{"w:g2", "set", "description"}:                  onGroup((*Group).setDescriptionNode),
		{"w:g2", "set", "locked"}:                       setting((*Group).SetLocked, true),
		{"w:g2", "set", "unlocked"}:                     setting((*Group).SetLocked, false),
		{"w:g2", "set", "announcement"}:                 setting((*Group).SetAnnounce, true),
		{"w:g2", "set", "not_announcement"}:             setting((*Group).SetAnnounce, false),
		{"w:g2", "set", "ephemeral"}:                    onGroup((*Group).setEphemeralNode),
		{"w:g2", "set", "not_ephemeral"}:                onGroup((*Group).setEphemeralNode),
		{"w:g2", "set", "member_add_mode"}:              onGroup((*Group).setAddModeNode),
		{"w:g2", "set", "membership_approval_mode"}:     onGroup((*Group).setApprovalNode),
		{"w:g2", "get", "membership_approval_requests"}: onGroup((*Group).listRequests),
		{"w:g2", "set", "membership_requests_action"}:   onGroup((*Group).decideRequests),
		{"w:g2", "set", "cancel_membership_requests"}:   onGroup((*Group).withdrawRequest),
		{"w:g2", "get", "invite"}:                       (*stream).getInvite,
		{"w:g2", "set", "invite"}:                       (*stream).setInvite,
		{"w:g2", "set", "accept"}:                       onGroup((*Group).acceptInvitation),
		{"w:g2", "get", "pictures"}:                     onGroup((*Group).communityPicture),
		{"w:g2", "get", "sub_groups"}:                   onGroup((*Group).subGroups),
		{"w:g2", "get", "linked_groups_participants"}:   onGroup((*Group).subGroups),
		{"w:g2", "set", "links"}:                        onGroup((*Group).linkGroups),
		{"w:g2", "set", "unlink"}:                       onGroup((*Group).linkGroups),

		// media
		{"w:m", "set", ""}: (*stream).mediaConnection,
	}
}
