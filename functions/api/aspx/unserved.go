package aspx

import "net/http"

// unserved answers commands of the dialect that Roost does not have yet.
func (*Handler) unserved(*request) (answer, error) {
	return answer{status: http.StatusNotImplemented, value: sent{Error: "this command is not served yet"}}, nil
}
