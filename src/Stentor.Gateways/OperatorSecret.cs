namespace Stentor.Gateways;

/// <summary>The operator's secret, kept in a file that only its owner can read.</summary>
/// <param name="File">The file.</param>
/// <param name="Secret">The secret.</param>
/// <param name="IsNew">Whether it was made now.</param>
internal sealed record OperatorSecret(string File, string Secret, bool IsNew)
{
    /// <summary>The file's name in a data directory.</summary>
    public const string FileName = "operator.secret";

    /// <summary>Reads the secret, and makes it when there is none.</summary>
    /// <param name="options">Where it is.</param>
    /// <returns>Null when there is no place for it.</returns>
    /// <exception cref="ServerStartException">The file is no secret, or others can read it.</exception>
    public static OperatorSecret? Of(ServerOptions options)
    {
        var file = options.OperatorSecretFile ?? (options.Ephemeral ? null : Path.Combine(options.DataDirectory!, FileName)); // The disk was opened there.
        if (file is null)
        {
            return null;
        }

        var secret = SecretFile.Read(file, "the operator's secret", mayMake: true);
        return new OperatorSecret(secret.File, secret.Secret, secret.IsNew);
    }

    /// <summary>Says nothing of the secret.</summary>
    public override string ToString() => $"{nameof(OperatorSecret)} in {File}";
}
