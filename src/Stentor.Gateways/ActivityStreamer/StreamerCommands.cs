namespace Stentor.Gateways;

/// <summary>The words that messages of the Activity Streamer protocol carry in <c>command</c> (docs/activity-streamer.md).</summary>
public static class StreamerCommands
{
    /// <summary>Server to server, the first message: the secret of the server that is spoken to.</summary>
    public const string Authenticate = "AUTHENTICATE";

    /// <summary>A message was wrong; whoever sends this closes the connection.</summary>
    public const string InvalidMessage = "INVALID_MESSAGE";

    /// <summary>A secret was wrong; the server closes the connection.</summary>
    public const string AuthenticationFail = "AUTHENTICATION_FAIL";

    /// <summary>Client to server: who I am.</summary>
    public const string Login = "LOGIN";

    /// <summary>Server to client: you are logged in.</summary>
    public const string LoginSuccess = "LOGIN_SUCCESS";

    /// <summary>Server to client: connect there instead; the server closes the connection.</summary>
    public const string Redirect = "REDIRECT";

    /// <summary>Server to client: you are not logged in; the server closes the connection.</summary>
    public const string LoginFailed = "LOGIN_FAILED";

    /// <summary>Client to server: goodbye.</summary>
    public const string Logout = "LOGOUT";

    /// <summary>Client to server: publish this.</summary>
    public const string ActivityMessage = "ACTIVITY_MESSAGE";

    /// <summary>Server to server: I am there, with so many clients.</summary>
    public const string ServerAnnounce = "SERVER_ANNOUNCE";

    /// <summary>Server to server and server to client: someone published this.</summary>
    public const string ActivityBroadcast = "ACTIVITY_BROADCAST";

    /// <summary>Client to server: I want this username.</summary>
    public const string Register = "REGISTER";

    /// <summary>Server to client: you cannot have it; the server closes the connection.</summary>
    public const string RegisterFailed = "REGISTER_FAILED";

    /// <summary>Server to client: it is yours.</summary>
    public const string RegisterSuccess = "REGISTER_SUCCESS";

    /// <summary>Server to server: someone wants this username.</summary>
    public const string LockRequest = "LOCK_REQUEST";

    /// <summary>Server to server: the username is somebody else's; forget the pair.</summary>
    public const string LockDenied = "LOCK_DENIED";

    /// <summary>Server to server: as far as I know the username is free.</summary>
    public const string LockAllowed = "LOCK_ALLOWED";
}
