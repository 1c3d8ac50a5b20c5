package simulator

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"roost/simulator/content"
	"roost/simulator/media"
)

// call answers one method of one path of the control API.
type call func(r *http.Request) (answer, error)

// methods are what a path takes.
type methods map[string]call

// answer is a status and what is said with it, as JSON unless it is a file.
type answer struct {
	status int
	body   any
}

// file is an answer that is not JSON.
type file struct {
	mimetype string
	data     []byte
}

// empty is the answer to what has nothing to tell.
type empty struct{}

// controlRoutes is the control API; control_doc.go describes it.
func (s *Simulator) controlRoutes() http.Handler {
	paths := map[string]methods{
		"/simulator":                   {"GET": s.overview},
		"/simulator/violations":        {"DELETE": s.forgive},
		"/simulator/knobs":             {"GET": s.readKnobs, "POST": s.turnKnobs},
		"/simulator/faults":            {"GET": s.readFaults, "POST": s.injectFault},
		"/simulator/phones":            {"GET": s.listPhones, "POST": s.addPhone},
		"/simulator/phones/{n}/scan":   {"POST": s.about((*User).controlScan)},
		"/simulator/phones/{n}/code":   {"POST": s.about((*User).controlCode)},
		"/simulator/phones/{n}/unlink": {"POST": s.about((*User).controlUnlink)},
		"/simulator/phones/{n}/enrol":  {"POST": s.about((*User).controlEnrol)},
		"/simulator/phones/{n}/mirror": {"GET": s.about((*User).controlMirror)},
		"/simulator/phones/{n}/passkey": {
			"POST": s.about((*User).controlPasskey),
		},
		"/simulator/phones/{n}/settings": {
			"GET": s.about((*User).controlSettings),
		},
		"/simulator/contacts":                  {"GET": s.listContacts, "POST": s.addContact},
		"/simulator/groups":                    {"GET": s.listGroups, "POST": s.addGroup},
		"/simulator/groups/{jid}/participants": {"POST": s.changeParticipants},
	}
	for _, people := range []string{"/simulator/phones/{n}", "/simulator/contacts/{n}"} {
		paths[people] = methods{"GET": s.about((*User).controlPerson)}
		paths[people+"/send"] = methods{"POST": s.about((*User).controlSend)}
		paths[people+"/inbox"] = methods{"GET": s.about((*User).controlInbox)}
		paths[people+"/inbox/{id}/media"] = methods{"GET": s.about((*User).controlMedia)}
		paths[people+"/receipts"] = methods{"GET": s.about((*User).controlReceipts)}
		paths[people+"/read"] = methods{"POST": s.about((*User).controlRead)}
		paths[people+"/played"] = methods{"POST": s.about((*User).controlPlayed)}
		paths[people+"/typing"] = methods{"POST": s.about((*User).controlTyping)}
	}
	mux := http.NewServeMux()
	for path, m := range paths {
		mux.Handle(path, s.resource(m))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusNotFound, complaint{"there is no " + r.URL.Path})
	})
	return mux
}

// about finds the person that the path names.
func (s *Simulator) about(do func(*User, *http.Request) (answer, error)) call {
	return func(r *http.Request) (answer, error) {
		u, err := s.person(r.PathValue("n"))
		if err != nil {
			return answer{}, err
		}
		return do(u, r)
	}
}

// resource serves one path.
func (s *Simulator) resource(m methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		do := m[method]
		if do == nil {
			w.Header().Set("Allow", m.allow())
			writeJSON(w, http.StatusMethodNotAllowed, complaint{r.Method + " is not among the methods of " + r.URL.Path + ": " + m.allow()})
			return
		}
		var a answer
		var err error
		if r.ContentLength > maxBody { // say so before anything is read
			err = &http.MaxBytesError{Limit: maxBody}
		} else {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			a, err = do(r)
		}
		if err != nil {
			status := statusOf(err)
			if status == http.StatusInternalServerError {
				s.log.ErrorContext(r.Context(), "control call failed", "path", r.URL.Path, "err", err)
			}
			writeJSON(w, status, complaint{sentence(err)})
			return
		}
		if f, ok := a.body.(file); ok {
			w.Header().Set("Content-Type", f.mimetype)
			w.Header().Set("X-Content-Type-Options", "nosniff")
			_, _ = w.Write(f.data) // the caller is gone if it fails
			return
		}
		writeJSON(w, a.status, a.body)
	})
}

func (m methods) allow() string {
	var names []string
	for name := range m {
		names = append(names, name)
		if name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// complaint is what every call answers that fails.
type complaint struct {
	Error string `json:"error"`
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		status = http.StatusInternalServerError
		b.Reset()
		b.WriteString(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the caller is gone if it fails
}

// statusOf is the HTTP status of an error.
func statusOf(err error) int {
	var tooLarge *http.MaxBytesError
	var refused *GroupError
	is := func(targets ...error) bool {
		return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
	}
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case is(errRequest, ErrBadNumber, ErrFault, ErrSaying, ErrTyping):
		return http.StatusBadRequest
	case is(ErrNobody, ErrNoMessage):
		return http.StatusNotFound
	case is(ErrBadCode, ErrStale, ErrUsed, ErrRefresh, ErrPasskey, ErrWrongCode, ErrRejected, ErrNoAnswer):
		return http.StatusConflict
	case is(content.ErrMedia, media.ErrForged):
		return http.StatusConflict
	case errors.As(err, &refused):
		return http.StatusConflict
	default:
		return http.StatusInternalServerError
	}
}

// sentence is what the caller is told. The two states of linking that a caller
// acts upon are single words.
func sentence(err error) string {
	for _, word := range []error{ErrRefresh, ErrPasskey} {
		if errors.Is(err, word) {
			return word.Error()
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return "the body has more than 64 MiB"
	}
	return err.Error()
}

// overview is where things are and what went wrong.
type overview struct {
	WebsocketURL  string      `json:"websocketURL"`
	MediaURL      string      `json:"mediaURL"`
	RootPublicKey string      `json:"rootPublicKey"`
	Connections   int         `json:"connections"`
	Violations    []Violation `json:"violations"`
}

func (s *Simulator) overview(r *http.Request) (answer, error) {
	base := strings.TrimSuffix(s.cfg.URL, "/")
	if base == "" {
		base = "http://" + r.Host
		if r.TLS != nil {
			base = "https://" + r.Host
		}
	}
	key := s.RootPublicKey()
	return ok(overview{
		WebsocketURL:  "ws" + strings.TrimPrefix(base, "http") + "/ws/chat",
		MediaURL:      base,
		RootPublicKey: hex.EncodeToString(key[:]),
		Connections:   s.Connections(),
		Violations:    list(s.Violations()),
	})
}

func (s *Simulator) forgive(*http.Request) (answer, error) {
	s.Forgive()
	return ok(empty{})
}

func ok(body any) (answer, error)      { return answer{http.StatusOK, body}, nil }
func created(body any) (answer, error) { return answer{http.StatusCreated, body}, nil }

// list is never null in JSON.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
