using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>
/// Who someone is: accounts, secrets and session tokens, kept as states of reserved channels (<c>_accounts.*</c>, <c>_sessions.*</c>), so that they are
/// durable and replicate like everything else. Secrets are kept as salted PBKDF2, session tokens as SHA-256. Any thread may call.
/// </summary>
/// <param name="node">The node.</param>
public sealed partial class Accounts(StentorNode node)
{
    /// <summary>The account that may do everything; its secret is made at the first start.</summary>
    public const string Operator = "operator";

    /// <summary>
    /// The author of activities that came from a foreign Activity Streamer server, which says itself in <c>authenticated_user</c> whose they are. Nobody can
    /// register or log in under this name.
    /// </summary>
    public const string ForeignServer = "activity-streamer";

    /// <summary>Longest secret, in bytes of UTF-8.</summary>
    public const int SecretBytesMax = 1024;

    /// <summary>How long a verified secret is remembered, so that naming it with every request costs microseconds. 10 minutes.</summary>
    public static readonly TimeSpan RememberFor = TimeSpan.FromMinutes(10);

    /// <summary>How many PBKDF2 run side by side. One for two cores: they are meant to be costly, and must not starve the requests of those who are in already.</summary>
    public static int HashesAtOnce { get; } = Math.Max(1, Environment.ProcessorCount / 2);

    // 10,000 remembered secrets are about 2 MB; past it all are forgotten, and each costs one PBKDF2 again.
    private const int RememberedMax = 10_000;

    // What a name that does not exist is compared with, so that it takes as long as one that does.
    private readonly string _nobody = SecretHash.MakeUnmatched(node.Options.SecretIterations);
    private readonly byte[] _processKey = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<UInt128, Credential> _remembered = new();

    private readonly SemaphoreSlim _hashing = new(HashesAtOnce);
    private byte[]? _operatorDigest;

    /// <summary>Says what the operator's secret is. Before that, nobody is the operator.</summary>
    /// <param name="secret">The secret; only a digest of it is kept.</param>
    public void SetOperatorSecret(string secret) => _operatorDigest = SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    /// <summary>Registers a username.</summary>
    /// <param name="username">A valid username other than anonymous, operator and activity-streamer.</param>
    /// <param name="secret">Its secret, 1 to 1,024 bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when it is registered; otherwise why not (taken, malformed, not ready; in a cluster also undecided: the same again, later, gives the outcome).</returns>
    public async ValueTask<Refusal?> RegisterAsync(string username, string secret, CancellationToken cancellationToken)
    {
        if (WhyNotRegistrable(username, secret) is { } unfit)
        {
            return unfit;
        }

        if (ForeignServers is not { } others)
        {
            return await RegisterHereAsync(username, secret, cancellationToken);
        }

        if (await IsTakenAsync(username, secret, cancellationToken))
        {
            return Taken(username); // Nobody else need be asked.
        }

        if (await others.AskAsync(username, secret, cancellationToken) is { } denied)
        {
            return denied;
        }

        // They have recorded it: whoever asked may go now, this is brought to its end.
        var refusal = await RegisterHereAsync(username, secret, CancellationToken.None);
        if (refusal is not null)
        {
            others.Release(username, secret);
        }

        return refusal;
    }

    /// <summary>Why nobody can register under a name, or with a secret; null when they can.</summary>
    private static Refusal? WhyNotRegistrable(string username, string secret)
    {
        if (!Username.IsValid(username))
        {
            return new Refusal(ErrorType.Malformed, $"'{Printable.Cut(username)}' is not a username: 1 to {Username.LengthMax} of A-Z a-z 0-9 _ - and dots.");
        }

        if (IsReserved(username))
        {
            return Taken(username);
        }

        return secret.Length == 0 || Encoding.UTF8.GetByteCount(secret) > SecretBytesMax
            ? new Refusal(ErrorType.Malformed, $"`secret` must have 1 to {SecretBytesMax} bytes.")
            : null;
    }

    /// <summary>Whether it is clear already that a registration would be refused.</summary>
    private async ValueTask<bool> IsTakenAsync(string username, string secret, CancellationToken cancellationToken)
    {
        var (channel, state) = Find(username);
        if (state is null || node.Cluster.Sets is not { } sets)
        {
            return state is not null;
        }

        var claims = ClaimState.Read(channel, state);
        var decision = sets.Decide(channel, state);
        if (decision is null && claims.Claims.Count == 0)
        {
            return false;
        }

        // Whoever claimed it before and was not told yet may ask again.
        IReadOnlyList<Claim> candidates = decision switch
        {
            null => claims.Claims,
            { Claim: { } winner } => claims.WasTold(winner.Id) ? [] : [winner],
            _ => [],
        };
        return await FindFittingAsync([.. candidates.Where(IsOfPeople)], secret, cancellationToken) is null;
    }

    private async ValueTask<Refusal?> RegisterHereAsync(string username, string secret, CancellationToken cancellationToken)
    {
        if (node.Cluster.Sets is null && node.Options is { KeepsCluster: true, JoinsCluster: true })
        {
            return new Refusal(ErrorType.NotReady, "This region has not joined its cluster yet, so it cannot know who has which name. Try again in a moment.");
        }

        if (node.Cluster.Sets is null)
        {
            var refusal = await RegisterAloneAsync(username, secret, cancellationToken);

            // A cluster may have been founded meanwhile. The account holds if it came before.
            if (refusal is not null || node.Cluster.Sets is null || node.Cluster.Decide(Find(username).Channel) is not null)
            {
                return refusal;
            }
        }

        return await ClaimAsync(username, secret, cancellationToken);
    }

    private async ValueTask<Refusal?> RegisterAloneAsync(string username, string secret, CancellationToken cancellationToken)
    {
        var (channel, known) = Find(username);
        if (known is not null)
        {
            return Taken(username);
        }

        // Looked up again when it is one's turn: of many who want one name at once, only the first costs a hash.
        var hash = await HashAsync(() => Find(username).State is null ? SecretHash.Make(secret, node.Options.SecretIterations) : null, cancellationToken);
        if (hash is null)
        {
            return Taken(username);
        }

        var effect = new Effect([new("secret", JsonValue.Text(hash)), new("username", JsonValue.Text(username))], [], []);
        var outcome = await node.PublishAsync(channel, username, new PublishBody(default, effect, Exists: false), cancellationToken);
        return outcome.Refusal is { Type: ErrorType.ConditionNotMet } ? Taken(username) : outcome.Refusal;
    }

    /// <summary>Whether a name is registered here, or about to be.</summary>
    /// <param name="username">The name.</param>
    public bool IsKnown(string username) => Find(username).State is not null;

    /// <summary>Checks a secret: in constant time, and as slowly for a name that does not exist. Verified ones are remembered for a while, keyed by a hash that does not leave the process.</summary>
    /// <param name="username">The name.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<bool> VerifyAsync(string username, string secret, CancellationToken cancellationToken) =>
        await CheckSecretAsync(username, secret, cancellationToken) is not null;

    /// <summary>Checks a secret, as <see cref="VerifyAsync"/>.</summary>
    /// <param name="username">The name.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The proof, which may be asked again later whether it still holds; null when the secret is not that of the name.</returns>
    public ValueTask<Credential?> CheckSecretAsync(string username, string secret, CancellationToken cancellationToken) =>
        Recall(username, secret) is { } known
            ? new ValueTask<Credential?>(known)
            : CheckSlowlyAsync(username, secret, cancellationToken);

    /// <summary>The proof for a secret that was verified a short while ago; null when it was not. Does not wait.</summary>
    /// <param name="username">The name.</param>
    /// <param name="secret">The secret.</param>
    public Credential? Recall(string username, string secret) =>
        username.Length <= Username.LengthMax && secret.Length <= SecretBytesMax
        && _remembered.TryGetValue(KeyOf(username, secret), out var known) && known.Holds ? known : null;

    /// <summary>Makes a session token for someone who is known.</summary>
    /// <param name="username">Who.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The token and when it expires; or a refusal.</returns>
    public async ValueTask<(string? Token, DateTimeOffset Expires, Refusal? Refusal)> OpenSessionAsync(string username, CancellationToken cancellationToken)
    {
        var token = System.Buffers.Text.Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var expires = DateTimeOffset.FromUnixTimeSeconds((node.Time.GetUtcNow() + node.Options.SessionLifetime).ToUnixTimeSeconds());
        var effect = new Effect([new("expires", JsonValue.Number(expires.ToUnixTimeSeconds())), new("username", JsonValue.Text(username))], [], []);
        var outcome = await node.PublishAsync(SessionChannelOf(token), username, new PublishBody(default, effect), cancellationToken);
        return outcome.Refusal is null ? (token, expires, null) : (null, default, outcome.Refusal);
    }

    /// <summary>Whose session a token is; null when it is none or over. Does not wait: a lookup in the states.</summary>
    /// <param name="token">A token.</param>
    public string? WhoIs(string token) => CheckToken(token)?.Username;

    /// <summary>The proof that a session token is; null when it is none or over. Does not wait.</summary>
    /// <param name="token">A token.</param>
    public Credential? CheckToken(string token)
    {
        // 43: the length of 32 bytes in base64url. What cannot be a token is not worth a hash.
        if (token.Length != 43)
        {
            return null;
        }

        var channel = SessionChannelOf(token);
        var state = node.Store.Find(channel);
        if (state is null || JsonValue.ToText(state.Field("username")) is not { } username || JsonValue.ToNumber(state.Field("expires")) is not { } expires)
        {
            return null;
        }

        var credential = new Credential(node, username, channel, state, DateTimeOffset.FromUnixTimeSeconds(expires));
        return credential.Holds ? credential : null;
    }

    /// <summary>Ends a session.</summary>
    /// <param name="token">Its token.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<Refusal?> CloseSessionAsync(string token, CancellationToken cancellationToken)
    {
        if (CheckToken(token) is not { } credential)
        {
            return new Refusal(ErrorType.Unauthenticated, "The session is over, or never was.");
        }

        var effect = new Effect([], [], ["expires", "username"]);
        var outcome = await node.PublishAsync(SessionChannelOf(token), credential.Username, new PublishBody(default, effect), cancellationToken);
        return outcome.Refusal;
    }

    private async ValueTask<Credential?> CheckSlowlyAsync(string username, string secret, CancellationToken cancellationToken)
    {
        if (!Username.IsValid(username) || Encoding.UTF8.GetByteCount(secret) is 0 or > SecretBytesMax)
        {
            return null; // A wrong form tells nothing about who exists.
        }

        var until = node.Time.GetUtcNow() + RememberFor;
        if (username == Operator)
        {
            var digest = _operatorDigest;
            if (digest is not null && CryptographicOperations.FixedTimeEquals(digest, SHA256.HashData(Encoding.UTF8.GetBytes(secret))))
            {
                return Remember(username, secret, new Credential(node, username, channel: null, state: null, until));
            }
        }

        return await HashAsync(() => Recall(username, secret) ?? Compare(username, secret, until), cancellationToken);
    }

    private Credential? Compare(string username, string secret, DateTimeOffset until)
    {
        var (channel, state) = Find(username);
        var stored = state is null ? null : SecretOf(channel, state);
        return SecretHash.Verify(secret, stored ?? _nobody) && stored is not null && !IsReserved(username)
            ? Remember(username, secret, new Credential(node, username, channel, state, until, stored))
            : null;
    }

    private Credential Remember(string username, string secret, Credential credential)
    {
        if (_remembered.Count >= RememberedMax)
        {
            _remembered.Clear();
        }

        _remembered[KeyOf(username, secret)] = credential;
        return credential;
    }

    /// <summary>
    /// Runs PBKDF2 on a thread of its own: the pool's threads answer requests. Whoever waited looks first whether the same secret was verified meanwhile:
    /// a program with fifty connections costs one PBKDF2, not fifty.
    /// </summary>
    private async Task<T> HashAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        await _hashing.WaitAsync(cancellationToken);
        try
        {
            return await Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        finally
        {
            _hashing.Release();
        }
    }

    private UInt128 KeyOf(string username, string secret)
    {
        // The name's length stands first, so that no two pairs make the same bytes.
        Span<byte> pair = stackalloc byte[1 + Username.LengthMax + (SecretBytesMax * 3)];
        Span<byte> key = stackalloc byte[32];
        if (!Encoding.UTF8.TryGetBytes(username, pair.Slice(1, Username.LengthMax), out var nameLength))
        {
            return default; // No username: nothing is ever remembered under this key.
        }

        pair[0] = (byte)nameLength;
        var length = 1 + nameLength + Encoding.UTF8.GetBytes(secret, pair[(1 + nameLength)..]);
        HMACSHA256.HashData(_processKey, pair[..length], key);
        CryptographicOperations.ZeroMemory(pair[..length]);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(key);
    }

    private static bool IsReserved(string username) => username is Username.Anonymous or Operator or ForeignServer;

    private static Refusal Taken(string username) => new(ErrorType.Taken, $"The username '{username}' is taken. Choose another one.");

    private static string SessionChannelOf(string token)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(token), hash);
        return "_sessions." + Convert.ToHexStringLower(hash);
    }
}

/// <summary>A proof of who someone is. It holds until its time is over or what it rests on (an account's secret, a session) has changed. Any thread may ask.</summary>
public sealed class Credential
{
    private readonly StentorNode _node;
    private readonly string? _channel;
    private readonly string? _secret;
    private volatile ChannelState? _state;

    /// <summary>Makes a proof.</summary>
    /// <param name="node">The node.</param>
    /// <param name="username">Whose it is.</param>
    /// <param name="channel">The channel that it rests on; null for none.</param>
    /// <param name="state">That channel's state.</param>
    /// <param name="expires">When it must be proved again.</param>
    /// <param name="secret">For an account: the form of its secret, on which alone it rests; null when it rests on all of the state.</param>
    internal Credential(StentorNode node, string username, string? channel, ChannelState? state, DateTimeOffset expires, string? secret = null)
    {
        _secret = secret;
        _node = node;
        _channel = channel;
        _state = state;
        Username = username;
        Expires = expires;
    }

    /// <summary>Whose it is.</summary>
    public string Username { get; }

    /// <summary>When it must be proved again.</summary>
    public DateTimeOffset Expires { get; }

    /// <summary>Whether it still holds: a lookup in the states, no waiting.</summary>
    public bool Holds => _node.Time.GetUtcNow() < Expires && (_channel is null || IsUnchanged(_node.Store.Find(_channel)));

    private bool IsUnchanged(ChannelState? now)
    {
        var then = _state;
        if (ReferenceEquals(now, then))
        {
            return true;
        }

        if (now is null || then is null)
        {
            return false;
        }

        if (now.Version == then.Version && now.LastSeq == then.LastSeq && now.LastOrigin == then.LastOrigin)
        {
            return true;
        }

        // Votes on a name may come long after it was decided; whoever has logged in need not prove anything again for that.
        if (_secret is null || _node.Accounts.SecretOf(_channel!, now) != _secret) // An account has a channel.
        {
            return false;
        }

        _state = now;
        return true;
    }
}

/// <summary>Single values of a state, as the reserved channels keep them.</summary>
internal static class JsonValue
{
    public static ReadOnlyMemory<byte> Text(string text)
    {
        var buffer = new ByteBuffer(text.Length + 2);
        JsonText.Write(text, buffer);
        return buffer.WrittenMemory;
    }

    public static ReadOnlyMemory<byte> Number(long number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    /// <summary>The text of a JSON string; null when it is none.</summary>
    public static string? ToText(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
        {
            return null;
        }

        var reader = new Utf8JsonReader(json.Span);
        return reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
    }

    /// <summary>Whether it is the JSON literal <c>true</c>.</summary>
    public static bool IsTrue(ReadOnlyMemory<byte> json) => json.Span.SequenceEqual("true"u8);

    /// <summary>A whole JSON number; null when it is none.</summary>
    public static long? ToNumber(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
        {
            return null;
        }

        var reader = new Utf8JsonReader(json.Span);
        return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number) ? number : null;
    }

    /// <summary>The texts of a JSON array of strings; null when it is something else.</summary>
    public static string[]? ToTexts(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
        {
            return null;
        }

        var reader = new Utf8JsonReader(json.Span);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            return null;
        }

        var texts = new List<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.String)
        {
            texts.Add(reader.GetString()!); // A string token has a text.
        }

        return reader.TokenType == JsonTokenType.EndArray ? [.. texts] : null;
    }
}
