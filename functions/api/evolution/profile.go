package evolution

import (
	"net/http"
	"strings"

	"roost/functions/api/core"
	"roost/shared/command"
)

// person finds whom a number leads to; "" is the account itself. Who is not on
// WhatsApp is refused as everywhere.
func (h *Handler) person(r *request, number string) (core.Contact, error) {
	if strings.TrimSpace(number) == "" {
		return core.Contact{JID: core.Account(r.instance.JID), Exists: true, Name: r.instance.Profile.PushName}, nil
	}
	found, err := h.core.Lookup(r.Context(), r.instance, []string{number})
	if err != nil {
		return core.Contact{}, err
	}
	if !found[0].Exists {
		return core.Contact{}, &core.AbsentError{Contact: found[0]}
	}
	return found[0], nil
}

func (h *Handler) fetchPicture(r *request) (answer, error) {
	if err := numberBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	var out struct {
		WUID    string  `json:"wuid"`
		Picture *string `json:"profilePictureUrl"`
	}
	number := str(r.body.object(), "number")
	who, err := h.person(r, number)
	if absent := (*core.AbsentError)(nil); asAbsent(err, &absent) { // as somebody without a picture
		out.WUID = absent.Contact.JID
		return ok(out)
	}
	if err != nil {
		return answer{}, err
	}
	picture, err := h.core.Picture(r.Context(), r.instance, who.JID)
	if err != nil {
		return answer{}, err
	}
	out.WUID, out.Picture = who.JID, optional(picture.URL)
	return ok(out)
}

type profileJSON struct {
	WUID        string  `json:"wuid"`
	Name        *string `json:"name"`
	Exists      bool    `json:"numberExists"`
	Picture     *string `json:"picture"`
	Status      *string `json:"status"`
	IsBusiness  bool    `json:"isBusiness"`
	Email       string  `json:"email,omitempty"`
	Description string  `json:"description,omitempty"`
	Website     string  `json:"website,omitempty"`
}

func (h *Handler) fetchProfile(r *request) (answer, error) {
	if err := numberBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	who, err := h.person(r, str(r.body.object(), "number"))
	if err != nil {
		return answer{}, err
	}
	p, err := h.core.Profile(r.Context(), r.instance, who.JID)
	if err != nil {
		return answer{}, err
	}
	out := profileJSON{WUID: who.JID, Name: optional(p.Name), Exists: true, Picture: optional(p.Picture.URL), Status: optional(p.About)}
	if out.Name == nil {
		out.Name = optional(who.Name)
	}
	if b := p.Business; b != nil {
		out.IsBusiness, out.Email, out.Description = true, b.Email, b.Description
		if len(b.Websites) > 0 {
			out.Website = b.Websites[0]
		}
	}
	return ok(out)
}

type businessJSON struct {
	IsBusiness  bool           `json:"isBusiness"`
	WID         string         `json:"wid"`
	Description string         `json:"description"`
	Email       string         `json:"email"`
	Website     []string       `json:"website"`
	Address     string         `json:"address"`
	Category    string         `json:"category"`
	Hours       *businessHours `json:"business_hours,omitempty"`
}

type businessHours struct {
	TimeZone string        `json:"timezone,omitempty"`
	Config   []businessDay `json:"business_config"`
}

type businessDay struct {
	Day   string `json:"day_of_week"`
	Mode  string `json:"mode"`
	Open  string `json:"open_time,omitempty"`
	Close string `json:"close_time,omitempty"`
}

type privatePerson struct {
	IsBusiness bool   `json:"isBusiness"`
	Message    string `json:"message"`
	numberJSON
}

func (h *Handler) fetchBusinessProfile(r *request) (answer, error) {
	if err := numberBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	who, err := h.person(r, str(r.body.object(), "number"))
	if absent := (*core.AbsentError)(nil); asAbsent(err, &absent) {
		return ok(privatePerson{Message: "Not is business profile", numberJSON: numberRow(absent.Contact)})
	}
	if err != nil {
		return answer{}, err
	}
	p, err := h.core.Profile(r.Context(), r.instance, who.JID)
	if err != nil {
		return answer{}, err
	}
	b := p.Business
	if b == nil {
		return ok(privatePerson{Message: "Not is business profile", numberJSON: numberRow(who)})
	}
	out := businessJSON{
		IsBusiness: true, WID: who.JID, Description: b.Description, Email: b.Email, Website: b.Websites, Address: b.Address, Category: b.Category,
	}
	if out.Website == nil {
		out.Website = []string{}
	}
	if len(b.Hours) > 0 {
		out.Hours = &businessHours{TimeZone: b.TimeZone}
		for _, day := range b.Hours {
			out.Hours.Config = append(out.Hours.Config, businessDay(day))
		}
	}
	return ok(out)
}

func (h *Handler) updateProfileName(r *request) (answer, error) {
	if err := profileNameBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	return h.setProfile(r, "Error updating profile name", command.SetProfileArgs{Name: new(str(r.body.object(), "name"))})
}

func (h *Handler) updateProfileStatus(r *request) (answer, error) {
	if err := profileStatusBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	return h.setProfile(r, "Error updating profile status", command.SetProfileArgs{About: new(str(r.body.object(), "status"))})
}

func (h *Handler) setProfile(r *request, sentence string, p command.SetProfileArgs) (answer, error) {
	if err := h.core.SetProfile(r.Context(), r.instance, p); err != nil {
		return answer{}, about(err, http.StatusInternalServerError, sentence)
	}
	return ok(updateSuccess)
}

func (h *Handler) updateProfilePicture(r *request) (answer, error) {
	if err := profilePictureBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	if err := h.setPicture(r, "", str(r.body.object(), "picture")); err != nil {
		return answer{}, about(err, http.StatusInternalServerError, "Error updating profile picture")
	}
	return ok(updateSuccess)
}

func (h *Handler) removeProfilePicture(r *request) (answer, error) {
	if err := h.core.SetPicture(r.Context(), r.instance, "", nil); err != nil {
		return answer{}, about(err, http.StatusInternalServerError, "Error removing profile picture")
	}
	return ok(updateSuccess)
}

// setPicture takes a picture as a URL or as base64.
func (h *Handler) setPicture(r *request, group, image string) error {
	if h.core.FileURL(image) {
		file, err := h.core.Fetch(r.Context(), r.instance, image)
		if err != nil {
			return err
		}
		return h.core.SetPicture(r.Context(), r.instance, group, file.Data)
	}
	data, _, isBase64 := decodeFile(image)
	if !isBase64 {
		return errNoPicture
	}
	return h.core.SetPicture(r.Context(), r.instance, group, data)
}

func (h *Handler) fetchPrivacy(r *request) (answer, error) {
	settings, err := h.core.Privacy(r.Context(), r.instance)
	if err != nil {
		return answer{}, about(err, http.StatusInternalServerError, "Error fetching privacy settings")
	}
	return ok(settings)
}

// updatePrivacy takes the settings also wrapped, as the documentation has them.
func (h *Handler) updatePrivacy(r *request) (answer, error) {
	fields := r.body.object()
	for name, value := range object(fields, "privacySettings") {
		if _, given := fields[name]; !given {
			fields[name] = value
		}
	}
	if err := privacyBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	wanted := map[string]string{}
	for _, name := range privacyNames {
		wanted[name] = str(fields, name)
	}
	now, err := h.core.SetPrivacy(r.Context(), r.instance, wanted)
	if err != nil {
		return answer{}, about(err, http.StatusInternalServerError, "Error updating privacy settings")
	}
	return created(map[string]any{"update": "success", "data": now})
}

func (h *Handler) updateBlockStatus(r *request) (answer, error) {
	if err := blockBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	if err := h.core.Block(r.Context(), r.instance, str(fields, "number"), str(fields, "status") == "block"); err != nil {
		return answer{}, about(err, http.StatusInternalServerError, "Error blocking user")
	}
	return created(map[string]string{"block": "success"})
}
