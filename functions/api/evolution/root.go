package evolution

import "net/http"

type welcome struct {
	Status             int    `json:"status"`
	Message            string `json:"message"`
	Version            string `json:"version"`
	ClientName         string `json:"clientName"`
	Manager            string `json:"manager"`
	Documentation      string `json:"documentation"`
	WhatsAppWebVersion string `json:"whatsappWebVersion,omitempty"`
}

// clientName is what answers call this server.
const clientName = "roost"

func (h *Handler) welcome(r *request) (answer, error) {
	return ok(welcome{
		Status: http.StatusOK, Message: "Welcome to the Evolution API, it is working!", Version: Version, ClientName: clientName,
		Manager: h.serverURL(r.Request) + "/console", Documentation: "https://doc.evolution-api.com",
	})
}

type credentials struct {
	Status            int    `json:"status"`
	Message           string `json:"message"`
	FacebookAppID     string `json:"facebookAppId"`
	FacebookConfigID  string `json:"facebookConfigId"`
	FacebookUserToken string `json:"facebookUserToken"`
}

func (h *Handler) verifyCredentials(*request) (answer, error) {
	return ok(credentials{Status: http.StatusOK, Message: "Credentials are valid"})
}
