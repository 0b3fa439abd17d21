using System.Buffers.Text;
using System.Security.Cryptography;
using Stentor.Node;

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

        file = Path.GetFullPath(file);
        if (!System.IO.File.Exists(file))
        {
            return Make(file);
        }

        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        if (!OperatingSystem.IsWindows() && (System.IO.File.GetUnixFileMode(file) & Others) != UnixFileMode.None)
        {
            throw new ServerStartException($"Others can read or write the operator's secret in '{file}'. Make it yours alone (chmod 600), and another secret if somebody may have read it.");
        }

        var secret = System.IO.File.ReadAllText(file).Trim();
        return secret.Length is 0 or > Accounts.SecretBytesMax
            ? throw new ServerStartException($"'{file}' holds no secret: 1 to {Accounts.SecretBytesMax} characters on one line. Delete it, and a new one is made.")
            : new OperatorSecret(file, secret, IsNew: false);
    }

    private static OperatorSecret Make(string file)
    {
        var secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        // Under another name first: a crash half-way must not leave an empty secret.
        var draft = file + ".new";
        System.IO.File.Delete(draft);
        using (var stream = new FileStream(draft, options))
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes(secret + "\n"));
            stream.Flush(flushToDisk: true);
        }

        System.IO.File.Move(draft, file);
        return new OperatorSecret(file, secret, IsNew: true);
    }

    /// <summary>Says nothing of the secret.</summary>
    public override string ToString() => $"{nameof(OperatorSecret)} in {File}";
}
