using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>A session on a server.</summary>
/// <param name="Token">What proves it (<see cref="StentorClientOptions.Token"/>): a secret.</param>
/// <param name="Username">Whose it is.</param>
/// <param name="Expires">When it ends by itself.</param>
public sealed record StentorSession(string Token, string Username, DateTimeOffset Expires)
{
    /// <summary>For people; without the token.</summary>
    public override string ToString() => $"session of {Username} until {Expires:O}";
}

/// <content>Accounts and sessions.</content>
public sealed partial class StentorClient
{
    /// <summary>
    /// Registers a username. While regions have not decided whose it is, it waits and asks again, up to <see cref="StentorClientOptions.RequestDeadline"/>;
    /// the registration goes on by itself, and the same call repeated gives the outcome.
    /// </summary>
    /// <param name="username">The username.</param>
    /// <param name="secret">Its secret, at least one character.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">The name is taken, or not decided yet, or there is no answer in time.</exception>
    public async Task RegisterAsync(string username, string secret, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        var request = new ApiRequest(HttpMethod.Post, "/v1/accounts") { Body = Body(("username", username), ("secret", secret)), AlsoAnswers = 409 };
        var answer = await _api.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (answer.Status != 409)
        {
            return;
        }

        // Taken, but by whom? An attempt whose answer was lost may have been this very registration; then the secret fits.
        if (!answer.InDoubt || !await FitsAsync(username, secret, cancellationToken).ConfigureAwait(false))
        {
            throw new StentorException(ErrorType.Taken, $"The username '{Printable.Cut(username)}' is taken.", 409);
        }
    }

    /// <summary>Opens a session, so that a program need not keep the secret.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">The credentials are wrong or missing, or there is no answer in time.</exception>
    public async Task<StentorSession> OpenSessionAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        var answer = await _api.SendAsync(new ApiRequest(HttpMethod.Post, "/v1/sessions"), cancellationToken).ConfigureAwait(false);
        return Answers.Read(answer, json => new StentorSession(
            json.GetProperty("token").GetString() ?? "",
            json.TryGetProperty("username", out var name) ? name.GetString() ?? "" : _options.Username ?? "",
            json.GetProperty("expires").GetDateTimeOffset()));
    }

    /// <summary>Ends a session.</summary>
    /// <param name="token">Its token.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">It is no session, or there is no answer in time.</exception>
    public async Task CloseSessionAsync(string token, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        var request = new ApiRequest(HttpMethod.Delete, "/v1/sessions/current") { Credentials = new("Bearer", token), AlsoAnswers = 401 };
        var answer = await _api.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (answer is { Status: 401, InDoubt: false })
        {
            throw new StentorException(ErrorType.Unauthenticated, "The session is over, or never was.", 401);
        }
    }

    private async Task<bool> FitsAsync(string username, string secret, CancellationToken cancellationToken)
    {
        var request = new ApiRequest(HttpMethod.Post, "/v1/sessions") { Credentials = HttpApi.Basic(username, secret), AlsoAnswers = 401 };
        var answer = await _api.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (answer.Status == 401)
        {
            return false;
        }

        // It was opened to see, not to stay.
        await CloseSessionAsync(Answers.Read(answer, json => json.GetProperty("token").GetString() ?? ""), cancellationToken).ConfigureAwait(false);
        return true;
    }

    private static ReadOnlyMemory<byte> Body(params ReadOnlySpan<(string Name, string Value)> members)
    {
        var json = new ByteBuffer(256);
        for (var i = 0; i < members.Length; i++)
        {
            json.Write(i == 0 ? "{"u8 : ","u8);
            JsonText.Write(members[i].Name, json);
            json.Write(":"u8);
            JsonText.Write(members[i].Value, json);
        }

        json.Write("}"u8);
        return json.WrittenSpan.ToArray();
    }
}
