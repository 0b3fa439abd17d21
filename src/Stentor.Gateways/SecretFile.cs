using System.Buffers.Text;
using System.Security.Cryptography;
using Stentor.Node;

namespace Stentor.Gateways;

/// <summary>A secret kept in a file that only its owner can read.</summary>
/// <param name="File">The file.</param>
/// <param name="Secret">The secret.</param>
/// <param name="IsNew">Whether it was made now.</param>
internal sealed record SecretFile(string File, string Secret, bool IsNew)
{
    /// <summary>Reads a secret.</summary>
    /// <param name="file">Its file.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="mayMake">Whether one is made when there is none.</param>
    /// <exception cref="ServerStartException">The file is no secret, or others can read it.</exception>
    public static SecretFile Read(string file, string what, bool mayMake)
    {
        file = Path.GetFullPath(file);
        if (!System.IO.File.Exists(file))
        {
            return mayMake ? Make(file) : throw new ServerStartException($"There is no file '{file}' with {what}. Copy it from a region that is there already, readable by you alone (chmod 600).");
        }

        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        if (!OperatingSystem.IsWindows() && (System.IO.File.GetUnixFileMode(file) & Others) != UnixFileMode.None)
        {
            throw new ServerStartException($"Others can read or write {what} in '{file}'. Make it yours alone (chmod 600), and another secret if somebody may have read it.");
        }

        var secret = System.IO.File.ReadAllText(file).Trim();
        return secret.Length is 0 or > Accounts.SecretBytesMax
            ? throw new ServerStartException($"'{file}' holds no secret: 1 to {Accounts.SecretBytesMax} characters on one line. Delete it, and a new one is made.")
            : new SecretFile(file, secret, IsNew: false);
    }

    /// <summary>A secret that nobody guesses.</summary>
    public static string New() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    private static SecretFile Make(string file)
    {
        var secret = New();
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
        return new SecretFile(file, secret, IsNew: true);
    }

    /// <summary>Says nothing of the secret.</summary>
    public override string ToString() => $"{nameof(SecretFile)} in {File}";
}
