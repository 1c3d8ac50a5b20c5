package evolution

import (
	"encoding/json"
	"fmt"

	"roost/shared/instance"
)

// Bounds of settings.qrTimeout in seconds.
const (
	minQRTimeout = 1
	maxQRTimeout = 3600
)

func settingsOf(fields map[string]any) instance.Settings {
	return instance.Settings{
		RejectCall: boolean(fields, "rejectCall"), MsgCall: str(fields, "msgCall"), GroupsIgnore: boolean(fields, "groupsIgnore"),
		AlwaysOnline: boolean(fields, "alwaysOnline"), ReadMessages: boolean(fields, "readMessages"),
		ReadStatus: boolean(fields, "readStatus"), SyncFullHistory: boolean(fields, "syncFullHistory"),
		WavoipToken: str(fields, "wavoipToken"), QRTimeout: integer(fields, "qrTimeout"),
		StoreMedia: boolean(fields, "storeMedia"), MediaTypes: strs(fields, "mediaTypes"), MediaMaxBytes: int64(max(integer(fields, "mediaMaxBytes"), 0)),
	}
}

func checkTimeout(fields map[string]any) error {
	if _, given := fields["qrTimeout"]; !given {
		return nil
	}
	if t := integer(fields, "qrTimeout"); t < minQRTimeout || t > maxQRTimeout {
		return refuse(fmt.Sprintf("qrTimeout is a number of seconds from %d to %d", minQRTimeout, maxQRTimeout))
	}
	return nil
}

type settingsAnswer struct {
	Settings struct {
		Name     string          `json:"instanceName"`
		Settings json.RawMessage `json:"settings"` // the body as sent
	} `json:"settings"`
}

func (h *Handler) setSettings(r *request) (answer, error) {
	if err := settingsBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	if err := checkTimeout(fields); err != nil {
		return answer{}, err
	}
	wanted := settingsOf(fields)
	wanted.UserAgent = r.instance.Settings.UserAgent // another dialect's
	keepUnknown(fields, r.instance.Settings, &wanted)
	if _, err := h.core.Settings(r.Context(), r.instance, wanted); err != nil {
		return answer{}, err
	}
	var out settingsAnswer
	out.Settings.Name = r.instance.Name
	if out.Settings.Settings = r.body.raw; r.body.form {
		out.Settings.Settings = encode(fields)
	}
	return created(out)
}

// keepUnknown keeps what is Roost's own and not in the body: Evolution's clients
// do not know it and must not undo it.
func keepUnknown(fields map[string]any, before instance.Settings, wanted *instance.Settings) {
	for name, keep := range map[string]func(){
		"qrTimeout":     func() { wanted.QRTimeout = before.QRTimeout },
		"storeMedia":    func() { wanted.StoreMedia = before.StoreMedia },
		"mediaTypes":    func() { wanted.MediaTypes = before.MediaTypes },
		"mediaMaxBytes": func() { wanted.MediaMaxBytes = before.MediaMaxBytes },
	} {
		if _, given := fields[name]; !given {
			keep()
		}
	}
}

func (h *Handler) findSettings(r *request) (answer, error) { return ok(r.instance.Settings) }
