using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>What became of a login.</summary>
/// <param name="Credential">The proof; null when it failed.</param>
/// <param name="Refusal">Why it failed; null when it did not.</param>
/// <param name="RetryAfter">For <see cref="ErrorType.RateLimited"/>: when to come back.</param>
public readonly record struct Login(Credential? Credential, Refusal? Refusal, TimeSpan RetryAfter);

/// <summary>The rate limits of a server, for every gateway: who guesses secrets, registers or publishes too often. Any thread may call.</summary>
/// <param name="limits">How often is too often.</param>
/// <param name="accounts">Who can be who.</param>
/// <param name="time">The clock.</param>
public sealed class Throttle(RateLimits limits, Accounts accounts, TimeProvider time)
{
    // As many as PBKDF2 runs side by side.
    private readonly SemaphoreSlim _guessing = new(Accounts.HashesAtOnce);
    private readonly RateLimit<UInt128> _failuresByAddress = new(limits.FailedLoginsPerMinute, TimeSpan.FromMinutes(1), time);
    private readonly RateLimit<string> _failuresByUsername = new(limits.FailedLoginsPerMinute, TimeSpan.FromMinutes(1), time);
    private readonly RateLimit<string> _sessions = new(limits.SessionsPerMinute, TimeSpan.FromMinutes(1), time);
    private readonly RateLimit<UInt128> _registrations = new(limits.RegistrationsPerMinute, TimeSpan.FromMinutes(1), time);
    private readonly RateLimit<string> _publishes = new(limits.PublishesPerSecond, TimeSpan.FromSeconds(1), time);
    private readonly RateLimit<UInt128> _anonymousPublishes = new(limits.AnonymousPublishesPerSecond, TimeSpan.FromSeconds(1), time);

    /// <summary>Checks a secret, unless too many wrong ones came from this address or for this name.</summary>
    /// <param name="username">The name.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="from">The client's address; null when it has none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<Login> LoginAsync(string username, string secret, IPAddress? from, CancellationToken cancellationToken) =>
        accounts.Recall(username, secret) is { } known
            ? new ValueTask<Login>(new Login(known, null, TimeSpan.Zero))
            : CheckAsync(username, secret, from, cancellationToken);

    /// <summary>Whether someone may open another session now.</summary>
    /// <param name="username">Who.</param>
    /// <param name="retryAfter">When to come back.</param>
    public bool MayOpenSession(string username, out TimeSpan retryAfter)
    {
        retryAfter = TimeSpan.Zero;
        return !limits.Enabled || _sessions.TryTake(username, 1, out retryAfter);
    }

    /// <summary>Whether an address may register another username now.</summary>
    /// <param name="from">The client's address.</param>
    /// <param name="retryAfter">When to come back.</param>
    public bool MayRegister(IPAddress? from, out TimeSpan retryAfter)
    {
        retryAfter = TimeSpan.Zero;
        return !limits.Enabled || _registrations.TryTake(KeyOf(from), 1, out retryAfter);
    }

    /// <summary>Whether someone may publish once more now.</summary>
    /// <param name="username">Who.</param>
    /// <param name="from">The client's address.</param>
    /// <param name="retryAfter">When to come back.</param>
    public bool MayPublish(string username, IPAddress? from, out TimeSpan retryAfter)
    {
        retryAfter = TimeSpan.Zero;
        return !limits.Enabled || (username == Username.Anonymous
            ? _anonymousPublishes.TryTake(KeyOf(from), 1, out retryAfter)
            : _publishes.TryTake(username, 1, out retryAfter));
    }

    /// <summary>Counts publishes of a stream, which is slowed down rather than refused.</summary>
    /// <param name="username">Who.</param>
    /// <param name="from">The client's address.</param>
    /// <param name="count">How many publishes were taken from the stream; 0 only asks.</param>
    /// <returns>How long to wait before more are taken from it; zero when at once.</returns>
    public TimeSpan Pace(string username, IPAddress? from, int count)
    {
        if (!limits.Enabled)
        {
            return TimeSpan.Zero;
        }

        return username == Username.Anonymous ? _anonymousPublishes.Owe(KeyOf(from), count) : _publishes.Owe(username, count);
    }

    /// <summary>Whether an address may try another secret that belongs to no account.</summary>
    /// <param name="from">The client's address.</param>
    public bool MayTrySecret(IPAddress? from) => !limits.Enabled || _failuresByAddress.TryTake(KeyOf(from), 0, out _);

    /// <summary>A secret that belongs to no account was wrong.</summary>
    /// <param name="from">The client's address.</param>
    public void OnWrongSecret(IPAddress? from) => _failuresByAddress.Owe(KeyOf(from), 1);

    private async ValueTask<Login> CheckAsync(string username, string secret, IPAddress? from, CancellationToken cancellationToken)
    {
        var address = KeyOf(from);
        var name = Username.IsValid(username) ? username : "";
        if (MayGuess(address, name) is { } refused)
        {
            return refused;
        }

        // In turn, and asked again when it is one's turn: guesses made side by side count one after the other, and a program that opens
        // fifty connections at once is verified by the first.
        await _guessing.WaitAsync(cancellationToken);
        try
        {
            if (accounts.Recall(username, secret) is { } known)
            {
                return new Login(known, null, TimeSpan.Zero);
            }

            if (MayGuess(address, name) is { } refusedNow)
            {
                return refusedNow;
            }

            var credential = await accounts.CheckSecretAsync(username, secret, cancellationToken);
            if (credential is not null)
            {
                return new Login(credential, null, TimeSpan.Zero);
            }

            _failuresByAddress.Owe(address, 1);
            _failuresByUsername.Owe(name, 1);
            return new Login(null, new Refusal(ErrorType.Unauthenticated, "The username or the secret is wrong."), TimeSpan.Zero);
        }
        finally
        {
            _guessing.Release();
        }
    }

    private Login? MayGuess(UInt128 address, string username)
    {
        if (!limits.Enabled)
        {
            return null;
        }

        if (!_failuresByAddress.TryTake(address, 0, out var retryAfter))
        {
            return new Login(null, TooMany("wrong secrets from your address", limits.FailedLoginsPerMinute, "minute"), retryAfter);
        }

        return _failuresByUsername.TryTake(username, 0, out retryAfter)
            ? null
            : new Login(null, TooMany("wrong secrets for this username", limits.FailedLoginsPerMinute, "minute"), retryAfter);
    }

    /// <summary>The refusal of what comes too often.</summary>
    /// <param name="what">What there was too much of.</param>
    /// <param name="countMax">The limit.</param>
    /// <param name="period">The unit of time of the limit.</param>
    public static Refusal TooMany(string what, int countMax, string period) =>
        new(ErrorType.RateLimited, $"Too many {what}: the most is {countMax} a {period}. Come back after the time in Retry-After.");

    /// <summary>An address as a key; of IPv6 the first 64 bits, which is what one client has.</summary>
    private static UInt128 KeyOf(IPAddress? address)
    {
        if (address is null)
        {
            return UInt128.Zero;
        }

        Span<byte> bytes = stackalloc byte[16];
        var mapped = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        mapped.TryWriteBytes(bytes, out var length);
        if (mapped.AddressFamily == AddressFamily.InterNetworkV6)
        {
            bytes[8..].Clear();
        }

        return new UInt128((ulong)length, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
    }
}
