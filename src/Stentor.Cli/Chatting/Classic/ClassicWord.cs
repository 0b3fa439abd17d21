namespace Stentor.Cli.Chatting.Classic;

/// <summary>What can be said in the classic conversation.</summary>
internal enum ClassicWord
{
    /// <summary>A ring is lost.</summary>
    Lost,

    /// <summary>It is found: only after it was lost.</summary>
    Found,

    /// <summary>Someone is glad: only after it was found.</summary>
    Glad,
}

/// <summary>The sentences of the words.</summary>
internal static class ClassicWords
{
    /// <summary>The word as it is typed.</summary>
    /// <param name="word">The word.</param>
    public static string Typed(this ClassicWord word) => word switch
    {
        ClassicWord.Lost => "lost",
        ClassicWord.Found => "found",
        _ => "glad",
    };

    /// <summary>What is said with it.</summary>
    /// <param name="word">The word.</param>
    public static string Sentence(this ClassicWord word) => word switch
    {
        ClassicWord.Lost => "I have lost my wedding ring!",
        ClassicWord.Found => "I have found my wedding ring!",
        _ => "I am glad to hear that!",
    };

    /// <summary>The word that must have been shown before; null for none.</summary>
    /// <param name="word">The word.</param>
    public static ClassicWord? Before(this ClassicWord word) => word switch
    {
        ClassicWord.Lost => null,
        ClassicWord.Found => ClassicWord.Lost,
        _ => ClassicWord.Found,
    };

    /// <summary>Reads a typed word.</summary>
    /// <param name="text">What was typed.</param>
    public static ClassicWord? Read(string text) => Enum.GetValues<ClassicWord>().Cast<ClassicWord?>().FirstOrDefault(word => word!.Value.Typed() == text); // None of the values is null.
}
