package evolution

import "time"

// uploadAnswer is where a file goes that is too large for a request.
type uploadAnswer struct {
	UploadURL string `json:"uploadURL"` // to PUT the file to
	Media     string `json:"media"`     // its name, wherever a URL may stand
	Expires   stamp  `json:"expires"`   // of uploadURL
}

// makeUpload makes room for a file. Who names its mimetype must send that as the
// Content-Type of the upload.
func (h *Handler) makeUpload(r *request) (answer, error) {
	if err := uploadBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	u, err := h.core.NewUpload(r.Context(), r.instance, str(r.body.object(), "mimetype"))
	if err != nil {
		return answer{}, err
	}
	return created(uploadAnswer{UploadURL: u.URL, Media: u.Media, Expires: stamp(u.Expires.Truncate(time.Second))})
}
