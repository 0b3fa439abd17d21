using System.Globalization;
using System.Security.Cryptography;

namespace Stentor.Node;

/// <summary>
/// The form in which a secret is kept: <c>pbkdf2-sha256$ITERATIONS$SALT$HASH</c>, salt and hash in base64. (PBKDF2: RFC 8018, section 5.2.)
/// </summary>
public static class SecretHash
{
    /// <summary>600,000: what OWASP's Password Storage Cheat Sheet (2023) asks for with HMAC-SHA-256; about 0.2 s here.</summary>
    public const int IterationsDefault = 600_000;

    private const string Scheme = "pbkdf2-sha256";
    private const int SaltBytes = 16;
    private const int HashBytes = 32;

    /// <summary>Makes the form of a secret, with a salt of its own.</summary>
    /// <param name="secret">The secret.</param>
    /// <param name="iterations">Rounds, at least 1.</param>
    public static string Make(string secret, int iterations)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return FormOf(iterations, salt, Rfc2898DeriveBytes.Pbkdf2(secret, salt, iterations, HashAlgorithmName.SHA256, HashBytes));
    }

    /// <summary>Makes a form that no secret matches, and that takes as long to check as any.</summary>
    /// <param name="iterations">Rounds, at least 1.</param>
    public static string MakeUnmatched(int iterations) => FormOf(iterations, RandomNumberGenerator.GetBytes(SaltBytes), RandomNumberGenerator.GetBytes(HashBytes));

    /// <summary>Whether a secret is the one that a form was made of. Compares in constant time.</summary>
    /// <param name="secret">The secret.</param>
    /// <param name="form">What <see cref="Make"/> gave.</param>
    /// <returns>False also for a form that is none.</returns>
    public static bool Verify(string secret, string form)
    {
        var parts = form.Split('$');
        if (parts.Length != 4 || parts[0] != Scheme || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var iterations) || iterations < 1)
        {
            return false;
        }

        Span<byte> salt = stackalloc byte[SaltBytes];
        Span<byte> expected = stackalloc byte[HashBytes];
        if (!Convert.TryFromBase64String(parts[2], salt, out var saltLength) || saltLength != SaltBytes
            || !Convert.TryFromBase64String(parts[3], expected, out var hashLength) || hashLength != HashBytes)
        {
            return false;
        }

        Span<byte> actual = stackalloc byte[HashBytes];
        Rfc2898DeriveBytes.Pbkdf2(secret, salt, actual, iterations, HashAlgorithmName.SHA256);
        return CryptographicOperations.FixedTimeEquals(actual, expected);
    }

    private static string FormOf(int iterations, byte[] salt, byte[] hash) =>
        string.Create(CultureInfo.InvariantCulture, $"{Scheme}${iterations}${Convert.ToBase64String(salt)}${Convert.ToBase64String(hash)}");
}
