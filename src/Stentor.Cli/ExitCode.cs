namespace Stentor.Cli;

/// <summary>How a command ended, for the shell that called it.</summary>
internal static class ExitCode
{
    /// <summary>It did what was asked.</summary>
    public const int Done = 0;

    /// <summary>It failed, and said why on standard error.</summary>
    public const int Failed = 1;

    /// <summary>It was asked wrongly: an option, an argument, a setting. Nothing was done.</summary>
    public const int Usage = 2;
}

/// <summary>A command cannot do what was asked; the message is for the one who typed it.</summary>
/// <param name="message">What is wrong and what to do.</param>
/// <param name="exitCode">One of <see cref="ExitCode"/>.</param>
internal sealed class CommandException(string message, int exitCode = ExitCode.Failed) : Exception(message)
{
    /// <summary>One of <see cref="Cli.ExitCode"/>.</summary>
    public int ExitCode { get; } = exitCode;

    /// <summary>It was asked wrongly.</summary>
    /// <param name="message">What is wrong and what to do.</param>
    public static CommandException Usage(string message) => new(message, Cli.ExitCode.Usage);
}
